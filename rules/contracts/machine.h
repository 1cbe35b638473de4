/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, accelerators and machines. */

bool memory_region_init_ram_guest_memfd(MemoryRegion *mr, Object *owner, const char *name,
        uint64_t size, Error **errp);
void memory_region_ram_resize(MemoryRegion *mr, ram_addr_t newsize, Error **errp);
int memory_region_register_iommu_notifier(MemoryRegion *mr, IOMMUNotifier *n, Error **errp);
void memory_region_init_io(MemoryRegion *mr, Object *owner, const MemoryRegionOps *ops, void
        *opaque, const char *name, uint64_t size);
void memory_region_init(MemoryRegion *mr, Object *owner, const char *name, uint64_t size);
void memory_region_add_subregion(MemoryRegion *mr, hwaddr offset, MemoryRegion *subregion);
RAMBlock *qemu_ram_alloc(ram_addr_t size, uint32_t ram_flags, MemoryRegion *mr, Error **errp);
RAMBlock *qemu_ram_alloc_from_file(ram_addr_t size, MemoryRegion *mr, uint32_t ram_flags, const
        char *mem_path, off_t offset, Error **errp);
int qemu_ram_resize(RAMBlock *block, ram_addr_t newsize, Error **errp);
void qemu_ram_free(RAMBlock *block);
MemoryRegion *host_memory_backend_get_memory(HostMemoryBackend *backend);
void vmstate_register_ram(struct MemoryRegion *memory, DeviceState *dev);
int vmstate_register_any(VMStateIf *obj, const VMStateDescription *vmsd, void *opaque);
int kvm_device_access(int fd, int group, uint64_t attr, void *val, bool write, Error **errp);
int kvm_device_check_attr(int fd, uint32_t group, uint64_t attr);
int kvm_create_device(KVMState *s, uint64_t type, bool test);
int kvm_init_vcpu(CPUState *cpu, Error **errp);
void kvm_destroy_vcpu(CPUState *cpu);
int kvm_arch_init_vcpu(CPUState *cpu);
int kvm_vm_ioctl(KVMState *s, unsigned long type, ...);
int kvm_vcpu_ioctl(CPUState *cpu, unsigned long type, ...);
int kvm_device_ioctl(int fd, unsigned long type, ...);
int kvm_irqchip_add_msi_route(KVMRouteChange *c, int vector, PCIDevice *dev);
void kvm_irqchip_commit_routes(KVMState *s);
int kvm_irqchip_add_irqfd_notifier_gsi(KVMState *s, EventNotifier *n, EventNotifier *rn, int
        virq);
int kvm_irqchip_remove_irqfd_notifier_gsi(KVMState *s, EventNotifier *n, int virq);
int ram_block_discard_disable(bool state);
int ram_block_discard_require(bool state);
int ram_block_uncoordinated_discard_disable(bool state);
VMChangeStateEntry *qemu_add_vm_change_state_handler(VMChangeStateHandler *cb, void *opaque);
bool vfio_device_attach(char *name, VFIODevice *vbasedev, AddressSpace *as, Error **errp);
bool vfio_device_get_name(VFIODevice *vbasedev, Error **errp);
void vfio_device_set_fd(VFIODevice *vbasedev, const char *str, Error **errp);
bool vfio_device_irq_set_signaling(VFIODevice *vbasedev, int index, int subindex, int action,
        int fd, Error **errp);
int vfio_region_mmap(VFIORegion *region);
bool vfio_migration_realize(VFIODevice *vbasedev, Error **errp);
bool iommufd_backend_connect(IOMMUFDBackend *be, Error **errp);
bool iommufd_backend_alloc_ioas(IOMMUFDBackend *be, uint32_t *ioas_id, Error **errp);
int iommufd_backend_map_dma(IOMMUFDBackend *be, uint32_t ioas_id, hwaddr iova, uint64_t size,
        void *vaddr, bool readonly);
int event_notifier_init(EventNotifier *, int active);
int event_notifier_set(EventNotifier *);
void replay_add_blocker(const char *feature);
void qemu_add_machine_init_done_notifier(Notifier *notify);
void notifier_list_add(NotifierList *list, Notifier *notifier);
void notifier_list_notify(NotifierList *list, void *data);
void notifier_remove(Notifier *notifier);
void notifier_with_return_list_add(NotifierWithReturnList *list, NotifierWithReturn *notifier);
void notifier_with_return_remove(NotifierWithReturn *notifier);
void postcopy_add_notifier(NotifierWithReturn *nn);
void postcopy_remove_notifier(NotifierWithReturn *n);
int postcopy_notify(enum PostcopyNotifyReason reason, Error **errp);
void precopy_add_notifier(NotifierWithReturn *n);
void precopy_remove_notifier(NotifierWithReturn *n);
int precopy_notify(PrecopyNotifyReason reason, Error **errp);
bool migration_is_blocked(Error **errp);
bool migrate_caps_check(bool *old_caps, bool *new_caps, Error **errp);
bool migrate_params_check(MigrationParameters *params, Error **errp);
void migration_file_set_error(int ret, Error *err);
bool migrate_uri_parse(const char *uri, MigrationChannel **channel, Error **errp);
bool migration_block_activate(Error **errp);
bool qemu_savevm_state_blocked(Error **errp);
bool load_snapshot(const char *name, const char *vmstate, bool has_devices, strList *devices,
        Error **errp);
bool save_snapshot(const char *name, bool overwrite, const char *vmstate, bool has_devices,
        strList *devices, Error **errp);
bool runstate_is_running(void);
int vm_stop(RunState state);
bool migration_in_postcopy(void);
void numa_cpu_pre_plug(const struct CPUArchId *slot, DeviceState *dev, Error **errp);
void numa_complete_configuration(MachineState *ms);
