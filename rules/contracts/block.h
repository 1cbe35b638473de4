/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block back ends, nodes and their jobs. */

BlockDriverState *bdrv_open(const char *filename, const char *reference, QDict *options, int
        flags, Error **errp);
BdrvChild *bdrv_open_child(const char *filename, QDict *options, const char *bdref_key,
        BlockDriverState *parent, const BdrvChildClass *child_class, BdrvChildRole child_role,
        bool allow_none, Error **errp);
int bdrv_open_file_child(const char *filename, QDict *options, const char *bdref_key,
        BlockDriverState *parent, Error **errp);
BlockDriverState *bdrv_open_blockdev_ref(BlockdevRef *ref, Error **errp);
BlockDriverState *bdrv_co_open(const char *filename, const char *reference, QDict *options, int
        flags, Error **errp);
BlockDriverState *bdrv_new_open_driver(BlockDriver *drv, const char *node_name, int flags, Error
        **errp);
BlockDriverState *bdrv_new_open_driver_opts(BlockDriver *drv, const char *node_name, QDict
        *options, int flags, Error **errp);
BlockDriverState *bdrv_lookup_bs(const char *device, const char *node_name, Error **errp);
int bdrv_set_backing_hd(BlockDriverState *bs, BlockDriverState *backing_hd, Error **errp);
int bdrv_append(BlockDriverState *bs_new, BlockDriverState *bs_top, Error **errp);
int bdrv_replace_node(BlockDriverState *from, BlockDriverState *to, Error **errp);
BlockDriverState *bdrv_insert_node(BlockDriverState *bs, QDict *node_options, int flags, Error
        **errp);
int bdrv_create(BlockDriver *drv, const char *filename, QemuOpts *opts, Error **errp);
int bdrv_co_create(BlockDriver *drv, const char *filename, QemuOpts *opts, Error **errp);
int bdrv_co_create_file(const char *filename, QemuOpts *opts, bool allow_protocol_prefix, Error
        **errp);
int bdrv_co_create_opts_simple(BlockDriver *drv, const char *filename, QemuOpts *opts, Error
        **errp);
void bdrv_refresh_limits(BlockDriverState *bs, Transaction *tran, Error **errp);
int bdrv_reopen(BlockDriverState *bs, QDict *opts, bool keep_old_opts, Error **errp);
int bdrv_reopen_multiple(BlockReopenQueue *bs_queue, Error **errp);
int bdrv_reopen_set_read_only(BlockDriverState *bs, bool read_only, Error **errp);
int bdrv_apply_auto_read_only(BlockDriverState *bs, const char *errmsg, Error **errp);
int bdrv_co_truncate(BdrvChild *child, int64_t offset, bool exact, PreallocMode prealloc,
        BdrvRequestFlags flags, Error **errp);
int bdrv_truncate(BdrvChild *child, int64_t offset, bool exact, PreallocMode prealloc,
        BdrvRequestFlags flags, Error **errp);
int bdrv_activate(BlockDriverState *bs, Error **errp);
void bdrv_activate_all(Error **errp);
int bdrv_inactivate(BlockDriverState *bs, Error **errp);
int bdrv_inactivate_all(void);
BdrvChild *bdrv_attach_child(BlockDriverState *parent_bs, BlockDriverState *child_bs, const char
        *child_name, const BdrvChildClass *child_class, BdrvChildRole child_role, Error **errp);
int bdrv_child_try_set_perm(BdrvChild *c, uint64_t perm, uint64_t shared, Error **errp);
int bdrv_child_refresh_perms(BlockDriverState *bs, BdrvChild *c, Error **errp);
bool bdrv_op_is_blocked(BlockDriverState *bs, BlockOpType op, Error **errp);
void bdrv_op_block(BlockDriverState *bs, BlockOpType op, Error *reason);
void bdrv_op_unblock(BlockDriverState *bs, BlockOpType op, Error *reason);
void bdrv_op_block_all(BlockDriverState *bs, Error *reason);
void bdrv_op_unblock_all(BlockDriverState *bs, Error *reason);
BdrvDirtyBitmap *bdrv_create_dirty_bitmap(BlockDriverState *bs, uint32_t granularity, const char
        *name, Error **errp);
int bdrv_dirty_bitmap_check(const BdrvDirtyBitmap *bitmap, uint32_t flags, Error **errp);
bool bdrv_merge_dirty_bitmap(BdrvDirtyBitmap *dest, const BdrvDirtyBitmap *src, HBitmap
        **backup, Error **errp);
char *bdrv_dirname(BlockDriverState *bs, Error **errp);
char *bdrv_get_full_backing_filename(BlockDriverState *bs, Error **errp);
int bdrv_try_change_aio_context(BlockDriverState *bs, AioContext *ctx, BdrvChild *ignore_child,
        Error **errp);
int64_t bdrv_getlength(BlockDriverState *bs);
int64_t bdrv_co_getlength(BlockDriverState *bs);
int bdrv_pread(BdrvChild *child, int64_t offset, int64_t bytes, void *buf, BdrvRequestFlags
        flags);
int bdrv_pwrite(BdrvChild *child, int64_t offset, int64_t bytes, const void *buf,
        BdrvRequestFlags flags);
int bdrv_pwrite_sync(BdrvChild *child, int64_t offset, int64_t bytes, const void *buf,
        BdrvRequestFlags flags);
int bdrv_flush(BlockDriverState *bs);
int bdrv_check_request(int64_t offset, int64_t bytes, Error **errp);
int bdrv_check_qiov_request(int64_t offset, int64_t bytes, QEMUIOVector *qiov, size_t
        qiov_offset, Error **errp);
int bdrv_snapshot_create(BlockDriverState *bs, QEMUSnapshotInfo *sn_info);
int bdrv_snapshot_delete(BlockDriverState *bs, const char *snapshot_id, const char *name, Error
        **errp);
int bdrv_snapshot_list(BlockDriverState *bs, QEMUSnapshotInfo **psn_info);
int bdrv_snapshot_load_tmp(BlockDriverState *bs, const char *snapshot_id, const char *name,
        Error **errp);
int bdrv_freeze_backing_chain(BlockDriverState *bs, BlockDriverState *base, Error **errp);
int bdrv_make_empty(BdrvChild *c, Error **errp);
BlockBackend *blk_new(AioContext *ctx, uint64_t perm, uint64_t shared_perm);
BlockBackend *blk_new_open(const char *filename, const char *reference, QDict *options, int
        flags, Error **errp);
BlockBackend *blk_new_with_bs(BlockDriverState *bs, uint64_t perm, uint64_t shared_perm, Error
        **errp);
int blk_insert_bs(BlockBackend *blk, BlockDriverState *bs, Error **errp);
int blk_attach_dev(BlockBackend *blk, DeviceState *dev);
int blk_set_perm(BlockBackend *blk, uint64_t perm, uint64_t shared_perm, Error **errp);
void blk_get_perm(BlockBackend *blk, uint64_t *perm, uint64_t *shared_perm);
int blk_set_aio_context(BlockBackend *blk, AioContext *new_context, Error **errp);
int blk_truncate(BlockBackend *blk, int64_t offset, bool exact, PreallocMode prealloc,
        BdrvRequestFlags flags, Error **errp);
int blk_co_truncate(BlockBackend *blk, int64_t offset, bool exact, PreallocMode prealloc,
        BdrvRequestFlags flags, Error **errp);
int64_t blk_getlength(BlockBackend *blk);
BlockBackend *blk_by_qdev_id(const char *id, Error **errp);
void blk_iostatus_set_err(BlockBackend *blk, int error);
bool blkconf_blocksizes(BlockConf *conf, Error **errp);
bool blkconf_geometry(BlockConf *conf, int *trans, unsigned int cyls_max, unsigned int
        heads_max, unsigned int secs_max, Error **errp);
bool blkconf_apply_backend_options(BlockConf *conf, bool readonly, bool resizable, Error
        **errp);
void *block_job_create(const char *job_id, const BlockJobDriver *driver, JobTxn *txn,
        BlockDriverState *bs, uint64_t perm, uint64_t shared_perm, int64_t speed, int flags,
        BlockCompletionFunc *cb, void *opaque, Error **errp);
int block_job_add_bdrv(BlockJob *job, const char *name, BlockDriverState *bs, uint64_t perm,
        uint64_t shared_perm, Error **errp);
void mirror_start(const char *job_id, BlockDriverState *bs, BlockDriverState *target, const char
        *replaces, int creation_flags, int64_t speed, uint32_t granularity, int64_t buf_size,
        MirrorSyncMode mode, BlockMirrorBackingMode backing_mode, bool target_is_zero,
        BlockdevOnError on_source_error, BlockdevOnError on_target_error, bool unmap, const char
        *filter_node_name, MirrorCopyMode copy_mode, Error **errp);
void *job_create(const char *job_id, const JobDriver *driver, JobTxn *txn, AioContext *ctx, int
        flags, BlockCompletionFunc *cb, void *opaque, Error **errp);
void job_start(Job *job);
int job_cancel_sync(Job *job, bool force);
int job_finish_sync_locked(Job *job, void (*finish)(Job *, Error **), Error **errp);
int job_apply_verb_locked(Job *job, JobVerb verb, Error **errp);
QemuOpts *qemu_opts_create(QemuOptsList *list, const char *id, int fail_if_exists, Error
        **errp);
bool qemu_opts_absorb_qdict(QemuOpts *opts, QDict *qdict, Error **errp);
bool qemu_opts_validate(QemuOpts *opts, const QemuOptDesc *desc, Error **errp);
QemuOpts *qemu_opts_parse(QemuOptsList *list, const char *params, bool permit_abbrev, Error
        **errp);
int qemu_opts_foreach(QemuOptsList *list, qemu_opts_loopfunc func, void *opaque, Error **errp);
bool qemu_opt_set(QemuOpts *opts, const char *name, const char *value, Error **errp);
bool qemu_opt_set_number(QemuOpts *opts, const char *name, int64_t val, Error **errp);
bool qemu_opt_set_bool(QemuOpts *opts, const char *name, bool val, Error **errp);
QemuOpts *qemu_opts_from_qdict(QemuOptsList *list, const QDict *qdict, Error **errp);
DriveInfo *drive_new(QemuOpts *arg, BlockInterfaceType block_default_type, Error **errp);
