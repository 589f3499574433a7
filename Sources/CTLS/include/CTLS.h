// OpenSSL as the sockets need it: a session is a pure machine between plain bytes and enciphered ones, and
// who moves those over a socket is not its business. (The library's macros are of no use to Swift.)
#ifndef ROOST_CTLS_H
#define ROOST_CTLS_H

#include <stdbool.h>
#include <stddef.h>

/// What sessions share: a certificate and its key, or who is trusted. Not changed once it is made.
typedef struct tls_context tls_context;
/// One connection. Used by one thread at a time.
typedef struct tls_session tls_session;

/// For a server, from files in PEM; the certificate's file may hold the whole chain.
/// NULL with a sentence in `why` where they cannot be used.
tls_context *_Nullable tls_server(
    const char *_Nonnull certificate, const char *_Nonnull key, char *_Nonnull why, size_t room);
/// For a client that trusts the authorities in a file in PEM, or, with NULL, those of the machine.
tls_context *_Nullable tls_client(const char *_Nullable authorities, char *_Nonnull why, size_t room);
void tls_context_close(tls_context *_Nonnull context);

/// The server's side of a connection; NULL where there is no memory.
tls_session *_Nullable tls_accept(tls_context *_Nonnull context);
/// The client's side: the certificate must be that of `host`, a name or an address.
tls_session *_Nullable tls_connect(tls_context *_Nonnull context, const char *_Nonnull host);
void tls_close(tls_session *_Nonnull session);

/// Whether both sides know each other: before, nothing can be written.
bool tls_is_established(const tls_session *_Nonnull session);

enum { TLS_WAIT = 0, TLS_END = -1, TLS_BROKEN = -2 };

/// Takes bytes that came from the other side.
bool tls_feed(tls_session *_Nonnull session, const void *_Nonnull bytes, size_t count);
/// Gives plain bytes: how many; `TLS_WAIT`: more must be fed; `TLS_END`: the other side has said that it is done;
/// `TLS_BROKEN`: this is not what was agreed upon.
long tls_read(tls_session *_Nonnull session, void *_Nonnull bytes, size_t room);
/// Takes plain bytes, all of them. False: the session is broken, or not established.
bool tls_write(tls_session *_Nonnull session, const void *_Nonnull bytes, size_t count);
/// Says that nothing more will be written.
void tls_end(tls_session *_Nonnull session);
/// How many bytes are to be sent to the other side.
size_t tls_pending(const tls_session *_Nonnull session);
/// Gives some of them.
size_t tls_take(tls_session *_Nonnull session, void *_Nonnull bytes, size_t room);
/// Why a session is broken, in a sentence; empty where nothing is known.
void tls_reason(const tls_session *_Nonnull session, char *_Nonnull why, size_t room);

/// HMAC-SHA256 (RFC 2104, FIPS 180-4) of some bytes: 32 bytes. False where OpenSSL has no memory.
bool tls_hmac_sha256(
    const void *_Nullable key, size_t key_count, const void *_Nullable bytes, size_t count,
    unsigned char *_Nonnull digest);

#endif
