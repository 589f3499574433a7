#include "CMicroHTTPD.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct roost_http_daemon {
    struct MHD_Daemon *mhd;
    roost_http_calls calls;
};

// A request's progress, in `con_cls`: the first call of the access handler finds it empty.
static char head_was_seen;

static void *socket_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t length) {
    roost_http_daemon *daemon = cls;
    (void)address;
    (void)length;
    return daemon->calls.admit(daemon->calls.context) ? MHD_YES : MHD_NO;
}

static void on_connection(
    void *cls, struct MHD_Connection *connection, void **socket, enum MHD_ConnectionNotificationCode code) {
    roost_http_daemon *daemon = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket = daemon->calls.opened(daemon->calls.context, info == NULL ? -1 : info->connect_fd);
    } else if (*socket != NULL) {
        daemon->calls.closed(daemon->calls.context, *socket);
        *socket = NULL;
    }
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection) {
    roost_http_daemon *daemon = cls;
    void *socket = socket_of(connection);
    if (socket != NULL) daemon->calls.target(daemon->calls.context, socket, target);
    return NULL;
}

static enum MHD_Result on_access(
    void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state) {
    roost_http_daemon *daemon = cls;
    const roost_http_calls *calls = &daemon->calls;
    void *socket = socket_of(connection);
    bool well;
    (void)url;
    (void)version;
    if (socket == NULL) return MHD_NO;
    if (*state == NULL) {
        *state = &head_was_seen;
        well = calls->head(calls->context, socket, connection, method);
    } else if (*upload_size > 0) {
        well = calls->body(calls->context, socket, upload, *upload_size);
        *upload_size = 0;
    } else {
        well = calls->whole(calls->context, socket, connection);
    }
    return well ? MHD_YES : MHD_NO;
}

static void on_completed(
    void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code) {
    roost_http_daemon *daemon = cls;
    void *socket = socket_of(connection);
    (void)code;
    *state = NULL;
    if (socket != NULL) daemon->calls.completed(daemon->calls.context, socket);
}

static void on_complaint(void *cls, const char *format, va_list arguments) {
    roost_http_daemon *daemon = cls;
    char message[512];
    vsnprintf(message, sizeof message, format, arguments);
    daemon->calls.complain(daemon->calls.context, message);
}

roost_http_daemon *roost_http_start(const roost_http_options *options, const roost_http_calls *calls) {
    roost_http_daemon *daemon = malloc(sizeof *daemon);
    if (daemon == NULL) return NULL;
    daemon->calls = *calls;
    // Polling by `poll`: with `epoll` a client's end that comes together with its request goes unseen.
    unsigned int flags =
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    // An option that is not for us has no value to skip it by: plain HTTP ends the list before these.
    bool is_plain = options->certificate == NULL || options->key == NULL;
    daemon->mhd = MHD_start_daemon(
        is_plain ? flags : flags | MHD_USE_TLS, 0,
        on_accept, daemon, on_access, daemon, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, daemon,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)(512 << 10), MHD_OPTION_LISTEN_SOCKET,
        options->listener, MHD_OPTION_CONNECTION_LIMIT, options->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        options->memory_per_connection, MHD_OPTION_NOTIFY_CONNECTION, on_connection, daemon,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, daemon, MHD_OPTION_NOTIFY_COMPLETED, on_completed, daemon,
        is_plain ? MHD_OPTION_END : MHD_OPTION_HTTPS_MEM_CERT, options->certificate,
        MHD_OPTION_HTTPS_MEM_KEY, options->key, MHD_OPTION_END);
    if (daemon->mhd == NULL) {
        free(daemon);
        return NULL;
    }
    return daemon;
}

void roost_http_stop(roost_http_daemon *daemon) {
    MHD_stop_daemon(daemon->mhd);
    free(daemon);
}

const char *roost_http_header(roost_http_connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

void roost_http_patience(roost_http_connection *connection, unsigned int seconds) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

roost_http_response *roost_http_response_of(const void *bytes, size_t length) {
    return MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

roost_http_response *roost_http_response_from(
    ssize_t (*read)(void *body, uint64_t position, char *buffer, size_t capacity), void *body,
    void (*release)(void *body)) {
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 32768, read, body, release);
}

bool roost_http_response_header(roost_http_response *response, const char *name, const char *value) {
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

void roost_http_response_without_chunks(roost_http_response *response) {
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

bool roost_http_send(roost_http_connection *connection, unsigned int status, roost_http_response *response) {
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued == MHD_YES;
}
