#include "CTLS.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_context {
    SSL_CTX *ssl;
};

struct tls_session {
    SSL *ssl;
    // Enciphered bytes on their way in and out; both belong to `ssl`.
    BIO *in;
    BIO *out;
    unsigned long failure;
};

static void explain(char *why, size_t room, const char *what) {
    unsigned long code = ERR_get_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(why, room, "%s%s%s", what, reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
    ERR_clear_error();
}

static tls_context *context_of(const SSL_METHOD *method) {
    ERR_clear_error();
    tls_context *context = malloc(sizeof *context);
    if (context == NULL) return NULL;
    context->ssl = SSL_CTX_new(method);
    if (context->ssl == NULL || SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
        tls_context_close(context);
        return NULL;
    }
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // A connection that ends without saying so was cut.
    SSL_CTX_clear_options(context->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

tls_context *tls_server(const char *certificate, const char *key, char *why, size_t room) {
    tls_context *context = context_of(TLS_server_method());
    if (context == NULL) {
        explain(why, room, "OpenSSL does not start");
        return NULL;
    }
    if (SSL_CTX_use_certificate_chain_file(context->ssl, certificate) != 1) {
        explain(why, room, "the certificate cannot be read");
    } else if (SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) != 1) {
        explain(why, room, "the key cannot be read, or is of another certificate");
    } else if (SSL_CTX_check_private_key(context->ssl) != 1) {
        explain(why, room, "the key is of another certificate");
    } else {
        return context;
    }
    tls_context_close(context);
    return NULL;
}

tls_context *tls_client(const char *authorities, char *why, size_t room) {
    tls_context *context = context_of(TLS_client_method());
    if (context == NULL) {
        explain(why, room, "OpenSSL does not start");
        return NULL;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    int trusted = authorities == NULL ? SSL_CTX_set_default_verify_paths(context->ssl)
                                      : SSL_CTX_load_verify_file(context->ssl, authorities);
    if (trusted == 1) return context;
    explain(why, room, "the trusted certificates cannot be read");
    tls_context_close(context);
    return NULL;
}

void tls_context_close(tls_context *context) {
    SSL_CTX_free(context->ssl);
    free(context);
}

static tls_session *session_of(tls_context *context) {
    tls_session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    session->ssl = SSL_new(context->ssl);
    session->in = BIO_new(BIO_s_mem());
    session->out = BIO_new(BIO_s_mem());
    if (session->ssl == NULL || session->in == NULL || session->out == NULL) {
        SSL_free(session->ssl);
        BIO_free(session->in);
        BIO_free(session->out);
        free(session);
        return NULL;
    }
    // Empty is not the end.
    BIO_set_mem_eof_return(session->in, -1);
    SSL_set_bio(session->ssl, session->in, session->out);
    return session;
}

tls_session *tls_accept(tls_context *context) {
    tls_session *session = session_of(context);
    if (session != NULL) SSL_set_accept_state(session->ssl);
    return session;
}

tls_session *tls_connect(tls_context *context, const char *host) {
    tls_session *session = session_of(context);
    if (session == NULL) return NULL;
    SSL_set_connect_state(session->ssl);
    X509_VERIFY_PARAM *wanted = SSL_get0_param(session->ssl);
    bool is_address = X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1;
    if (!is_address && (SSL_set1_host(session->ssl, host) != 1 || SSL_set_tlsext_host_name(session->ssl, host) != 1)) {
        tls_close(session);
        return NULL;
    }
    return session;
}

void tls_close(tls_session *session) {
    SSL_free(session->ssl);
    free(session);
}

bool tls_is_established(const tls_session *session) {
    return session->failure == 0 && SSL_is_init_finished(session->ssl);
}

bool tls_feed(tls_session *session, const void *bytes, size_t count) {
    size_t written = 0;
    return BIO_write_ex(session->in, bytes, count, &written) == 1 && written == count;
}

static long outcome(tls_session *session, int result) {
    switch (SSL_get_error(session->ssl, result)) {
        case SSL_ERROR_ZERO_RETURN: return TLS_END;
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return TLS_WAIT;
        default:
            session->failure = ERR_get_error();
            if (session->failure == 0) session->failure = ULONG_MAX;
            ERR_clear_error();
            return TLS_BROKEN;
    }
}

long tls_read(tls_session *session, void *bytes, size_t room) {
    if (session->failure != 0) return TLS_BROKEN;
    ERR_clear_error();
    int result = SSL_read(session->ssl, bytes, room > INT_MAX ? INT_MAX : (int)room);
    return result > 0 ? result : outcome(session, result);
}

bool tls_write(tls_session *session, const void *bytes, size_t count) {
    if (count == 0) return true;
    if (!tls_is_established(session)) return false;
    ERR_clear_error();
    size_t written = 0;
    int result = SSL_write_ex(session->ssl, bytes, count, &written);
    if (result == 1 && written == count) return true;
    outcome(session, result);
    return false;
}

void tls_end(tls_session *session) {
    if (!tls_is_established(session)) return;
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

size_t tls_pending(const tls_session *session) { return BIO_ctrl_pending(session->out); }

size_t tls_take(tls_session *session, void *bytes, size_t room) {
    size_t count = 0;
    return BIO_read_ex(session->out, bytes, room, &count) == 1 ? count : 0;
}

void tls_reason(const tls_session *session, char *why, size_t room) {
    long verdict = SSL_get_verify_result(session->ssl);
    const char *reason = NULL;
    if (verdict != X509_V_OK) {
        reason = X509_verify_cert_error_string(verdict);
    } else if (session->failure != 0 && session->failure != ULONG_MAX) {
        reason = ERR_reason_error_string(session->failure);
    }
    snprintf(why, room, "%s", reason == NULL ? "" : reason);
}

bool tls_hmac_sha256(const void *key, size_t key_count, const void *bytes, size_t count, unsigned char *digest) {
    // A key of no bytes is a key; NULL would mean the one before.
    const void *known = key_count == 0 ? "" : key;
    unsigned int length = 0;
    return HMAC(EVP_sha256(), known, (int)key_count, bytes, count, digest, &length) != NULL && length == 32;
}
