/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects, properties and devices. */

bool object_property_set_int(Object *obj, const char *name, int64_t value, Error **errp);
bool object_property_set_uint(Object *obj, const char *name, uint64_t value, Error **errp);
bool object_property_set_bool(Object *obj, const char *name, bool value, Error **errp);
bool object_property_set_str(Object *obj, const char *name, const char *value, Error **errp);
bool object_property_set_link(Object *obj, const char *name, Object *value, Error **errp);
bool object_property_set(Object *obj, const char *name, Visitor *v, Error **errp);
bool object_property_set_qobject(Object *obj, const char *name, struct QObject *value, struct
        Error **errp);
bool object_property_parse(Object *obj, const char *name, const char *string, Error **errp);
void object_property_set_default_bool(ObjectProperty *prop, bool value);
int64_t object_property_get_int(Object *obj, const char *name, Error **errp);
uint64_t object_property_get_uint(Object *obj, const char *name, Error **errp);
bool object_property_get_bool(Object *obj, const char *name, Error **errp);
char *object_property_get_str(Object *obj, const char *name, Error **errp);
Object *object_property_get_link(Object *obj, const char *name, Error **errp);
bool object_property_get(Object *obj, const char *name, Visitor *v, Error **errp);
int object_property_get_enum(Object *obj, const char *name, const char *typename, Error **errp);
ObjectProperty *object_property_find_err(Object *obj, const char *name, Error **errp);
ObjectProperty *object_property_find(Object *obj, const char *name);
void object_property_del(Object *obj, const char *name);
char *object_property_print(Object *obj, const char *name, bool human, Error **errp);
const char *object_property_get_type(Object *obj, const char *name, Error **errp);
ObjectProperty *object_property_add(Object *obj, const char *name, const char *type,
        ObjectPropertyAccessor *get, ObjectPropertyAccessor *set, ObjectPropertyRelease
        *release, void *opaque);
ObjectProperty *object_property_try_add(Object *obj, const char *name, const char *type,
        ObjectPropertyAccessor *get, ObjectPropertyAccessor *set, ObjectPropertyRelease
        *release, void *opaque, Error **errp);
ObjectProperty *object_property_add_child(Object *obj, const char *name, Object *child);
ObjectProperty *object_property_try_add_child(Object *obj, const char *name, Object *child,
        Error **errp);
ObjectProperty *object_property_add_link(Object *obj, const char *name, const char *type, Object
        **targetp, void (*check)(const Object *, const char *, Object *, Error **),
        ObjectPropertyLinkFlags flags);
ObjectProperty *object_property_add_alias(Object *obj, const char *name, Object *target_obj,
        const char *target_name);
ObjectProperty *object_property_add_str(Object *obj, const char *name, char *(*get)(Object *,
        Error **), void (*set)(Object *, const char *, Error **));
ObjectProperty *object_property_add_bool(Object *obj, const char *name, bool (*get)(Object *,
        Error **), void (*set)(Object *, bool, Error **));
Object *object_new(const char *typename);
Object *object_new_with_props(const char *typename, Object *parent, const char *id, Error
        **errp, ...);
bool object_set_props(Object *obj, Error **errp, ...);
Object *object_ref(void *obj);
void object_unref(void *obj);
void object_unparent(Object *obj);
bool object_initialize_child_with_props(Object *parentobj, const char *propname, void *childobj,
        size_t size, const char *type, Error **errp, ...);
bool object_initialize_child_with_propsv(Object *parentobj, const char *propname, void
        *childobj, size_t size, const char *type, Error **errp, va_list vargs);
bool object_apply_global_props(Object *obj, const GPtrArray *props, Error **errp);
void object_set_properties_from_keyval(Object *obj, const QDict *qdict, bool from_json, Error
        **errp);
bool user_creatable_complete(UserCreatable *uc, Error **errp);
bool user_creatable_can_be_deleted(UserCreatable *uc);
Object *user_creatable_add_type(const char *type, const char *id, const QDict *qdict, Visitor
        *v, Error **errp);
void user_creatable_add_qapi(ObjectOptions *options, Error **errp);
bool user_creatable_del(const char *id, Error **errp);
bool user_creatable_add_from_str(const char *str, Error **errp);
bool qdev_realize(DeviceState *dev, BusState *bus, Error **errp);
bool qdev_realize_and_unref(DeviceState *dev, BusState *bus, Error **errp);
void qdev_unrealize(DeviceState *dev);
DeviceState *qdev_new(const char *name);
DeviceState *qdev_try_new(const char *name);
void qdev_init_gpio_in(DeviceState *dev, qemu_irq_handler handler, int n);
void qdev_init_gpio_out(DeviceState *dev, qemu_irq *pins, int n);
bool qdev_set_parent_bus(DeviceState *dev, BusState *bus, Error **errp);
void qdev_unplug(DeviceState *dev, Error **errp);
DeviceState *qdev_device_add(QemuOpts *opts, Error **errp);
DeviceState *qdev_device_add_from_qdict(const QDict *opts, bool from_json, Error **errp);
void qdev_prop_set_drive(DeviceState *dev, const char *name, BlockBackend *value);
bool qdev_prop_set_drive_err(DeviceState *dev, const char *name, BlockBackend *value, Error
        **errp);
void qdev_prop_set_chr(DeviceState *dev, const char *name, Chardev *value);
void qdev_prop_set_netdev(DeviceState *dev, const char *name, NetClientState *value);
void qdev_prop_set_bit(DeviceState *dev, const char *name, bool value);
void qdev_prop_set_uint32(DeviceState *dev, const char *name, uint32_t value);
HotplugHandler *qdev_get_hotplug_handler(DeviceState *dev);
bool sysbus_realize(SysBusDevice *dev, Error **errp);
bool sysbus_realize_and_unref(SysBusDevice *dev, Error **errp);
void sysbus_init_mmio(SysBusDevice *dev, MemoryRegion *memory);
void sysbus_init_irq(SysBusDevice *dev, qemu_irq *p);
void sysbus_mmio_map(SysBusDevice *dev, int n, hwaddr addr);
void sysbus_connect_irq(SysBusDevice *dev, int n, qemu_irq irq);
bool isa_realize_and_unref(ISADevice *dev, ISABus *bus, Error **errp);
bool pci_realize_and_unref(PCIDevice *dev, PCIBus *bus, Error **errp);
bool i2c_slave_realize_and_unref(I2CSlave *dev, I2CBus *bus, Error **errp);
bool ssi_realize_and_unref(DeviceState *dev, SSIBus *bus, Error **errp);
bool usb_realize_and_unref(USBDevice *dev, USBBus *bus, Error **errp);
bool qbus_realize(BusState *bus, Error **errp);
void qbus_set_hotplug_handler(BusState *bus, Object *handler);
void hotplug_handler_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error **errp);
void hotplug_handler_pre_plug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error
        **errp);
void hotplug_handler_unplug(HotplugHandler *plug_handler, DeviceState *plugged_dev, Error
        **errp);
void hotplug_handler_unplug_request(HotplugHandler *plug_handler, DeviceState *plugged_dev,
        Error **errp);
void device_class_set_parent_realize(DeviceClass *dc, DeviceRealize dev_realize, DeviceRealize
        *parent_realize);
void device_class_set_parent_unrealize(DeviceClass *dc, DeviceUnrealize dev_unrealize,
        DeviceUnrealize *parent_unrealize);
void qemu_init_vcpu(CPUState *cpu);
int pci_add_capability(PCIDevice *pdev, uint8_t cap_id, uint8_t offset, uint8_t size, Error
        **errp);
int pci_pm_init(PCIDevice *pci_dev, uint8_t offset, Error **errp);
int pcie_aer_init(PCIDevice *dev, uint8_t cap_ver, uint16_t offset, uint16_t size, Error
        **errp);
int pcie_endpoint_cap_v1_init(PCIDevice *dev, uint8_t offset);
int pcie_cap_init(PCIDevice *dev, uint8_t offset, uint8_t type, uint8_t port, Error **errp);
int msi_init(struct PCIDevice *dev, uint8_t offset, unsigned int nr_vectors, bool msi64bit, bool
        msi_per_vector_mask, Error **errp);
int msix_init(PCIDevice *dev, uint32_t nentries, MemoryRegion *table_bar, uint8_t table_bar_nr,
        unsigned int table_offset, MemoryRegion *pba_bar, uint8_t pba_bar_nr, unsigned int
        pba_offset, uint8_t cap_pos, Error **errp);
int msix_init_exclusive_bar(PCIDevice *dev, uint32_t nentries, uint8_t bar_nr, Error **errp);
void msi_uninit(struct PCIDevice *dev);
void msix_uninit(PCIDevice *dev, MemoryRegion *table_bar, MemoryRegion *pba_bar);
void pci_register_bar(PCIDevice *pci_dev, int region_num, uint8_t attr, MemoryRegion *memory);
int shpc_init(PCIDevice *dev, PCIBus *sec_bus, MemoryRegion *bar, unsigned int off, Error
        **errp);
void usb_device_attach(USBDevice *dev, Error **errp);
void usb_desc_attach(USBDevice *dev);
void scsi_bus_legacy_handle_cmdline(SCSIBus *bus);
void ide_dev_initfn(IDEDevice *dev, IDEDriveKind kind, Error **errp);
void check_boot_index(int32_t bootindex, Error **errp);
void add_boot_device_path(int32_t bootindex, DeviceState *dev, const char *suffix);
void virtio_init(VirtIODevice *vdev, uint16_t device_id, size_t config_size);
void virtio_cleanup(VirtIODevice *vdev);
void virtio_bus_device_plugged(VirtIODevice *vdev, Error **errp);
int virtio_device_start_ioeventfd(VirtIODevice *vdev);
void memory_device_plug(MemoryDeviceState *md, MachineState *ms);
void pc_dimm_plug(PCDIMMDevice *dimm, MachineState *machine);
