import CTLS

/// A certificate that cannot be used, and why.
package struct TLSFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// What the enciphered connections of a port share: certificate and key. (OpenSSL, TLS 1.2 and later.)
///
/// Not changed once it is made, and OpenSSL counts its references by atomics: sessions may be begun on any
/// thread. Its address stands here as a number, which is what crosses threads.
package final class TLSContext: Sendable {
    private let address: UInt

    /// HMAC-SHA256 (RFC 2104, FIPS 180-4): 32 bytes.
    static func authenticationCode(of bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let isMade = tls_hmac_sha256(key, key.count, bytes, bytes.count, &digest)
        precondition(isMade, "no memory for an authentication code")
        return digest
    }

    /// Reads certificate and key; files in PEM, the certificate's may hold the whole chain.
    package static func server(certificate: String, key: String) throws(TLSFailure) -> TLSContext {
        try make { why, room in tls_server(certificate, key, why, room) }
    }

    /// Trusts the authorities in a file in PEM, or those of the machine.
    package static func client(authorities: String?) throws(TLSFailure) -> TLSContext {
        try make { why, room in tls_client(authorities, why, room) }
    }

    private static func make(
        _ open: (UnsafeMutablePointer<CChar>, Int) -> OpaquePointer?
    ) throws(TLSFailure) -> TLSContext {
        let (context, reason) = TLSText.written { open($0, $1) }
        guard let context else { throw TLSFailure(description: reason) }
        return TLSContext(context)
    }

    private init(_ context: OpaquePointer) { address = UInt(bitPattern: context) }

    deinit { tls_context_close(context) }

    private var context: OpaquePointer { OpaquePointer(bitPattern: address).unsafelyUnwrapped }

    /// The server's side of a new connection.
    func accept() -> TLSSession {
        guard let session = tls_accept(context) else { preconditionFailure("no memory for a connection") }
        return TLSSession(session, of: self)
    }

    /// The client's side of a new connection to a host, by name or address, that its certificate must name.
    package func connect(to host: String) -> TLSSession? {
        tls_connect(context, host).map { TLSSession($0, of: self) }
    }
}

/// One enciphered connection: between plain bytes and those on the socket. One queue has it.
package final class TLSSession {
    package enum Reading: Equatable {
        case bytes(Int)
        /// Nothing before more is fed.
        case wait
        /// The other side has said that it is done.
        case end
        case broken
    }

    private let session: OpaquePointer
    private let context: TLSContext

    fileprivate init(_ session: OpaquePointer, of context: TLSContext) {
        self.session = session
        self.context = context
    }

    deinit { tls_close(session) }

    /// Whether both sides know each other; before, nothing can be written.
    package var isEstablished: Bool { tls_is_established(session) }

    /// Why the session is broken; empty where nothing is known.
    package var reason: String { TLSText.written { tls_reason(session, $0, $1) }.text }

    /// Takes bytes from the socket. False where there is no memory for them.
    package func feed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        return tls_feed(session, base, bytes.count)
    }

    /// Gives plain bytes, and moves the handshake on.
    package func read(into space: UnsafeMutableRawBufferPointer) -> Reading {
        guard let base = space.baseAddress, space.count > 0 else { return .wait }
        let count = tls_read(session, base, space.count)
        return switch count {
        case 1...: .bytes(count)
        case TLS_WAIT: .wait
        case TLS_END: .end
        default: .broken
        }
    }

    /// Takes plain bytes, all of them; false where the session is broken or not established.
    package func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return true }
            return tls_write(session, base, raw.count)
        }
    }

    /// Says that nothing more will be written.
    package func end() { tls_end(session) }

    /// Everything that is to go to the socket.
    package func takeOutput() -> [UInt8] {
        let count = tls_pending(session)
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, taken in
            taken = tls_take(session, buffer.baseAddress.unsafelyUnwrapped, count)
        }
    }
}

private enum TLSText {
    private static let most = 256

    /// A text that a call writes, beside what it returns.
    static func written<Result>(
        _ call: (UnsafeMutablePointer<CChar>, Int) -> Result
    ) -> (result: Result, text: String) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: most) { room in
            room.initialize(repeating: 0)
            let base = room.baseAddress.unsafelyUnwrapped
            let result = call(base, most)
            return (result, String(cString: base))
        }
    }
}
