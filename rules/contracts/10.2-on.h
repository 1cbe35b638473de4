/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API of blockers and notifiers since QEMU 10.2: modes are a set of BIT(mode); events as of 11.0. */

enum MigMode {
    MIG_MODE_NORMAL,
    MIG_MODE_CPR_REBOOT,
    MIG_MODE_CPR_TRANSFER,
    MIG_MODE_CPR_EXEC,
    MIG_MODE__MAX,
};
typedef enum MigMode MigMode;

enum MigrationEventType {
    MIG_EVENT_SETUP,
    MIG_EVENT_POSTCOPY_START,
    MIG_EVENT_DONE,
    MIG_EVENT_FAILED,
    MIG_EVENT_MAX,
};
typedef enum MigrationEventType MigrationEventType;

typedef void (*NotifierFunc)(Notifier *notifier, void *data);
typedef int (*NotifierWithReturnFunc)(NotifierWithReturn *notifier, void *data, Error **errp);
typedef int (*MigrationNotifyFunc)(NotifierWithReturn *notify, MigrationEvent *e, Error **errp);

int migrate_add_blocker(Error **reasonp, Error **errp);
int migrate_add_blocker_internal(Error **reasonp, Error **errp);
int migrate_add_blocker_normal(Error **reasonp, Error **errp);
int migrate_add_blocker_modes(Error **reasonp, unsigned modes, Error **errp);
void migrate_del_blocker(Error **reasonp);

void migration_add_notifier(NotifierWithReturn *notify, MigrationNotifyFunc func);
void migration_add_notifier_mode(NotifierWithReturn *notify, MigrationNotifyFunc func, MigMode mode);
void migration_add_notifier_modes(NotifierWithReturn *notify, MigrationNotifyFunc func, unsigned modes);
void migration_remove_notifier(NotifierWithReturn *notify);
int notifier_with_return_list_notify(NotifierWithReturnList *list, void *data, Error **errp);

bool memory_region_init_ram(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
        Error **errp);
bool memory_region_init_rom(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
        Error **errp);
