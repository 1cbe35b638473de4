/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The API of blockers and notifiers up to QEMU 8.1: a blocker's Error belongs to the caller. */

typedef void (*NotifierFunc)(Notifier *notifier, void *data);
typedef int (*NotifierWithReturnFunc)(NotifierWithReturn *notifier, void *data);

int migrate_add_blocker(Error *reason, Error **errp);
int migrate_add_blocker_internal(Error *reason, Error **errp);
void migrate_del_blocker(Error *reason);

void add_migration_state_change_notifier(Notifier *notify);
void remove_migration_state_change_notifier(Notifier *notify);
int notifier_with_return_list_notify(NotifierWithReturnList *list, void *data);

void memory_region_init_ram(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
        Error **errp);
void memory_region_init_rom(MemoryRegion *mr, Object *owner, const char *name, uint64_t size,
        Error **errp);
