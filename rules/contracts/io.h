/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels, sockets, character devices, files and cryptography. */

ssize_t qio_channel_readv(QIOChannel *ioc, const struct iovec *iov, size_t niov, Error **errp);
ssize_t qio_channel_writev(QIOChannel *ioc, const struct iovec *iov, size_t niov, Error **errp);
ssize_t qio_channel_writev_full(QIOChannel *ioc, const struct iovec *iov, size_t niov, int *fds,
        size_t nfds, int flags, Error **errp);
int qio_channel_readv_all(QIOChannel *ioc, const struct iovec *iov, size_t niov, Error **errp);
int qio_channel_readv_all_eof(QIOChannel *ioc, const struct iovec *iov, size_t niov, Error
        **errp);
int qio_channel_writev_all(QIOChannel *ioc, const struct iovec *iov, size_t niov, Error **errp);
ssize_t qio_channel_read(QIOChannel *ioc, void *buf, size_t buflen, Error **errp);
ssize_t qio_channel_write(QIOChannel *ioc, const void *buf, size_t buflen, Error **errp);
int qio_channel_read_all(QIOChannel *ioc, void *buf, size_t buflen, Error **errp);
int qio_channel_read_all_eof(QIOChannel *ioc, void *buf, size_t buflen, Error **errp);
int qio_channel_write_all(QIOChannel *ioc, const void *buf, size_t buflen, Error **errp);
int qio_channel_close(QIOChannel *ioc, Error **errp);
int qio_channel_shutdown(QIOChannel *ioc, QIOChannelShutdown how, Error **errp);
int qio_channel_flush(QIOChannel *ioc, Error **errp);
off_t qio_channel_io_seek(QIOChannel *ioc, off_t offset, int whence, Error **errp);
ssize_t qio_channel_pread(QIOChannel *ioc, void *buf, size_t buflen, off_t offset, Error
        **errp);
ssize_t qio_channel_pwrite(QIOChannel *ioc, void *buf, size_t buflen, off_t offset, Error
        **errp);
QIOChannelFile *qio_channel_file_new_path(const char *path, int flags, mode_t mode, Error
        **errp);
QIOChannelFile *qio_channel_file_new_fd(int fd);
QIOChannel *qio_channel_new_fd(int fd, Error **errp);
QIOChannelSocket *qio_channel_socket_new(void);
QIOChannelSocket *qio_channel_socket_new_fd(int fd, Error **errp);
int qio_channel_socket_connect_sync(QIOChannelSocket *ioc, SocketAddress *addr, Error **errp);
int qio_channel_socket_listen_sync(QIOChannelSocket *ioc, SocketAddress *addr, int num, Error
        **errp);
QIOChannelSocket *qio_channel_socket_accept(QIOChannelSocket *ioc, Error **errp);
SocketAddress *qio_channel_socket_get_local_address(QIOChannelSocket *ioc, Error **errp);
QIOChannelTLS *qio_channel_tls_new_client(QIOChannel *master, QCryptoTLSCreds *creds, const char
        *hostname, Error **errp);
QIOChannelTLS *qio_channel_tls_new_server(QIOChannel *master, QCryptoTLSCreds *creds, const char
        *aclname, Error **errp);
void qio_channel_tls_handshake(QIOChannelTLS *ioc, QIOTaskFunc func, gpointer opaque,
        GDestroyNotify destroy, GMainContext *context);
QIOChannelCommand *qio_channel_command_new_spawn(const char *const *argv, int flags, Error
        **errp);
int qio_net_listener_open_sync(QIONetListener *listener, SocketAddress *addr, int num, Error
        **errp);
int socket_connect(SocketAddress *addr, Error **errp);
int socket_listen(SocketAddress *addr, int num, Error **errp);
SocketAddress *socket_parse(const char *str, Error **errp);
SocketAddress *socket_address_flatten(SocketAddressLegacy *addr);
int inet_connect_saddr(InetSocketAddress *saddr, Error **errp);
bool qemu_set_blocking(int fd, bool block, Error **errp);
int qemu_open(const char *name, int flags, Error **errp);
int qemu_create(const char *name, int flags, mode_t mode, Error **errp);
int qemu_open_old(const char *name, int flags, ...);
int qemu_unlock_fd(int fd, int64_t start, int64_t len);
bool qemu_write_pidfile(const char *pidfile, Error **errp);
char *qemu_find_file(QemuFileType type, const char *name);
int qemu_strtol(const char *nptr, const char **endptr, int base, long *result);
int qemu_strtou64(const char *nptr, const char **endptr, int base, uint64_t *result);
int qemu_strtosz(const char *nptr, const char **end, uint64_t *result);
int qemu_guest_getrandom(void *buf, size_t len, Error **errp);
int monitor_fd_param(Monitor *mon, const char *fdname, Error **errp);
int monitor_get_fd(Monitor *mon, const char *fdname, Error **errp);
bool yank_register_instance(const YankInstance *instance, Error **errp);
bool qemu_chr_fe_init(CharFrontend *c, Chardev *be, Error **errp);
int qemu_chr_fe_wait_connected(CharFrontend *c, Error **errp);
Chardev *qemu_chr_new(const char *label, const char *filename, GMainContext *context);
Chardev *qemu_chr_new_from_opts(QemuOpts *opts, GMainContext *context, Error **errp);
Chardev *qemu_chardev_new(const char *id, const char *typename, ChardevBackend *backend,
        GMainContext *context, Error **errp);
int qmp_chardev_open_file_source(char *src, int flags, Error **errp);
NetClientState *qemu_find_netdev(const char *id);
int vhost_dev_init(struct vhost_dev *hdev, void *opaque, VhostBackendType backend_type, uint32_t
        busyloop_timeout, Error **errp);
int vhost_dev_start(struct vhost_dev *hdev, VirtIODevice *vdev, bool vrings);
int vhost_dev_set_config(struct vhost_dev *dev, const uint8_t *data, uint32_t offset, uint32_t
        size, uint32_t flags);
bool vhost_user_init(VhostUserState *user, CharFrontend *chr, Error **errp);
struct vhost_net *vhost_net_init(VhostNetOptions *options);
int tap_probe_vnet_hdr(int fd, Error **errp);
QCryptoHash *qcrypto_hash_new(QCryptoHashAlgo alg, Error **errp);
int qcrypto_hash_update(QCryptoHash *hash, const void *buf, size_t len, Error **errp);
int qcrypto_hash_bytes(QCryptoHashAlgo alg, const void *buf, size_t len, uint8_t **result,
        size_t *resultlen, Error **errp);
QCryptoCipher *qcrypto_cipher_new(QCryptoCipherAlgo alg, QCryptoCipherMode mode, const uint8_t
        *key, size_t nkey, Error **errp);
int qcrypto_cipher_encrypt(QCryptoCipher *cipher, const void *in, void *out, size_t len, Error
        **errp);
int qcrypto_cipher_decrypt(QCryptoCipher *cipher, const void *in, void *out, size_t len, Error
        **errp);
int qcrypto_random_bytes(void *buf, size_t buflen, Error **errp);
char *qcrypto_secret_lookup_as_utf8(const char *secretid, Error **errp);
QCryptoTLSSession *qcrypto_tls_session_new(QCryptoTLSCreds *creds, const char *hostname, const
        char *aclname, QCryptoTLSCredsEndpoint endpoint, Error **errp);
int qcrypto_tls_session_handshake(QCryptoTLSSession *sess, Error **errp);
uint8_t *qbase64_decode(const char *input, size_t in_len, size_t *out_len, Error **errp);
QObject *qobject_from_json(const char *string, Error **errp);
QObject *qobject_from_jsonf_nofail(const char *string, ...);
int qapi_enum_parse(const QEnumLookup *lookup, const char *buf, int def, Error **errp);
bool qapi_bool_parse(const char *name, const char *value, bool *obj, Error **errp);
bool visit_start_struct(Visitor *v, const char *name, void **obj, size_t size, Error **errp);
bool visit_check_struct(Visitor *v, Error **errp);
bool visit_start_list(Visitor *v, const char *name, GenericList **list, size_t size, Error
        **errp);
bool visit_start_alternate(Visitor *v, const char *name, GenericAlternate **obj, size_t size,
        Error **errp);
bool visit_optional(Visitor *v, const char *name, bool *present);
bool visit_type_enum(Visitor *v, const char *name, int *obj, const QEnumLookup *lookup, Error
        **errp);
bool visit_type_int(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_int8(Visitor *v, const char *name, int8_t *obj, Error **errp);
bool visit_type_int16(Visitor *v, const char *name, int16_t *obj, Error **errp);
bool visit_type_int32(Visitor *v, const char *name, int32_t *obj, Error **errp);
bool visit_type_int64(Visitor *v, const char *name, int64_t *obj, Error **errp);
bool visit_type_uint8(Visitor *v, const char *name, uint8_t *obj, Error **errp);
bool visit_type_uint16(Visitor *v, const char *name, uint16_t *obj, Error **errp);
bool visit_type_uint32(Visitor *v, const char *name, uint32_t *obj, Error **errp);
bool visit_type_uint64(Visitor *v, const char *name, uint64_t *obj, Error **errp);
bool visit_type_size(Visitor *v, const char *name, uint64_t *obj, Error **errp);
bool visit_type_bool(Visitor *v, const char *name, bool *obj, Error **errp);
bool visit_type_str(Visitor *v, const char *name, char **obj, Error **errp);
bool visit_type_number(Visitor *v, const char *name, double *obj, Error **errp);
bool visit_type_any(Visitor *v, const char *name, QObject **obj, Error **errp);
bool visit_type_null(Visitor *v, const char *name, QNull **obj, Error **errp);
QObject *qdict_crumple(const QDict *src, Error **errp);
void qdict_array_split(QDict *src, QList **dst);
QDict *keyval_parse(const char *params, const char *implied_key, bool *help, Error **errp);
