import Core
import Glibc
import Synchronization
import Wire

/// The client's side of TLS on a socket that may block.
final class EncipheredSocket: Sendable {
    private let stream: Mutex<EncipheredStream>

    /// Shakes hands.
    init(_ descriptor: Int32, to host: String, by context: TLSContext) throws(CommandFailure) {
        stream = Mutex(try EncipheredStream(descriptor, to: host, by: context))
    }

    /// Plain bytes may be waiting that the system does not know of.
    var hasMore: Bool { stream.withLock { $0.hasMore } }

    /// Takes plain bytes, all of them, and sends what the system takes of them at once, or, waiting, all.
    /// - Returns: how many were taken; 0 while what was taken before is not sent.
    func send(_ bytes: ArraySlice<UInt8>, waiting: Bool) throws(SystemFailure) -> Int {
        try stream.withLock { (stream) throws(SystemFailure) in try stream.send(bytes, waiting: waiting) }
    }

    /// Takes what has come, without waiting; whether `receive` has something to say at once. Not everything that comes
    /// is for the reader: a server sends keys for later connections, too.
    func look() throws(SystemFailure) -> Bool {
        try stream.withLock { (stream) throws(SystemFailure) in try stream.look() }
    }

    /// Waits for plain bytes. Nil: the other side has said that it is done.
    func receive(atMost most: Int) throws(SystemFailure) -> [UInt8]? {
        try stream.withLock { (stream) throws(SystemFailure) in try stream.receive(atMost: most) }
    }

    func finishSending() throws(SystemFailure) {
        try stream.withLock { (stream) throws(SystemFailure) in try stream.finishSending() }
    }
}

private struct EncipheredStream {
    private let session: TLSSession
    private let descriptor: Int32
    private var unsent: ArraySlice<UInt8> = []
    /// Plain bytes may be waiting that the system does not know of.
    private(set) var hasMore = false
    /// What came with the end of the handshake.
    private var early: [UInt8] = []

    init(_ descriptor: Int32, to host: String, by context: TLSContext) throws(CommandFailure) {
        guard let session = context.connect(to: host) else {
            throw CommandFailure("\(host) is no name that a certificate can have")
        }
        self.session = session
        self.descriptor = descriptor
        var room: [UInt8] = []
        while true {
            let outcome = read(&room, atMost: 1)
            var goesOn = false
            do throws(SystemFailure) {
                try flush(waiting: true)
                if session.isEstablished { break }
                if outcome == .wait { goesOn = try feed() }
            } catch {
                throw refusal(host)
            }
            guard goesOn else { throw refusal(host) }
        }
        hasMore = !room.isEmpty
        early = room
    }

    private func refusal(_ host: String) -> CommandFailure {
        let reason = session.reason
        return CommandFailure(
            "no TLS with \(host)" + (reason.isEmpty ? ": the other side hung up" : ": \(reason)"))
    }

    mutating func send(_ bytes: ArraySlice<UInt8>, waiting: Bool) throws(SystemFailure) -> Int {
        try flush(waiting: waiting)
        guard unsent.isEmpty else { return 0 }
        guard session.write(Array(bytes)) else { throw SystemFailure("cannot send", code: EPROTO) }
        try flush(waiting: waiting)
        return bytes.count
    }

    mutating func receive(atMost most: Int) throws(SystemFailure) -> [UInt8]? {
        var bytes = early
        early = []
        while true {
            let outcome = read(&bytes, atMost: most)
            try flush(waiting: true)
            hasMore = bytes.count >= most
            if !bytes.isEmpty { return bytes }
            switch outcome {
            case .end: return nil
            case .broken: throw SystemFailure("cannot receive", code: EPROTO)
            case .bytes, .wait:
                // A stream that ends without a word was cut.
                guard try feed() else { throw SystemFailure("cannot receive", code: ECONNRESET) }
            }
        }
    }

    mutating func look() throws(SystemFailure) -> Bool {
        while true {
            let outcome = read(&early, atMost: 256 << 10)
            try flush(waiting: false)
            if !early.isEmpty || outcome == .end || outcome == .broken { return true }
            var code: Int32 = 0
            let count = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
                let count = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
                code = errno
                guard count > 0 else { return count }
                return session.feed(UnsafeRawBufferPointer(rebasing: room[..<count])) ? count : -1
            }
            if count > 0 || count < 0 && code == EINTR { continue }
            // The end, and what is broken, are told by `receive`.
            return count == 0 || code != EAGAIN && code != EWOULDBLOCK
        }
    }

    mutating func finishSending() throws(SystemFailure) {
        session.end()
        try flush(waiting: true)
    }

    private func read(_ bytes: inout [UInt8], atMost most: Int) -> TLSSession.Reading {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { room in
            while bytes.count < most {
                let outcome = session.read(into: room)
                guard case .bytes(let count) = outcome else { return outcome }
                bytes += room[..<count]
            }
            return .bytes(0)
        }
    }

    /// Waits for enciphered bytes. False: there are no more.
    private func feed() throws(SystemFailure) -> Bool {
        var count = 0
        let isFed = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
            repeat {
                count = recv(descriptor, room.baseAddress, room.count, 0)
            } while count < 0 && errno == EINTR
            return count <= 0 || session.feed(UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
        guard count >= 0, isFed else { throw SystemFailure("cannot receive") }
        return count > 0
    }

    private mutating func flush(waiting: Bool) throws(SystemFailure) {
        if unsent.isEmpty { unsent = session.takeOutput()[...] }
        while !unsent.isEmpty {
            let flags = Int32(MSG_NOSIGNAL) | (waiting ? 0 : Int32(MSG_DONTWAIT))
            let count = unsent.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if count >= 0 {
                unsent = unsent.dropFirst(count)
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                if !waiting { return }
            } else if errno != EINTR {
                throw SystemFailure("cannot send")
            }
        }
    }
}
