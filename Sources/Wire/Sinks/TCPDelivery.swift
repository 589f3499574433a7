import Core
import Glibc
import Synchronization

/// Connects to a receiver and writes lines. A batch counts as delivered when the receiver's kernel has taken
/// all of it, or, where the receiver acknowledges, when it has said so.
final class TCPDelivery: SinkDelivery {
    let most = 4096
    let deadLetterAfter: Int64? = nil
    private let target: Settings.TCPSink
    private let address: ListenAddress
    private let time: any TimeSource
    private let isInterrupted = Atomic<Bool>(false)
    private let state = Mutex(State())

    private struct State {
        var descriptor: Descriptor?
        var attempts = 0
        /// Of an answer that has not come whole yet.
        var partial: [UInt8] = []
        /// Newest number acknowledged on this connection.
        var acknowledged: Int64 = 0
        var hasEnded = false
    }

    /// How long one wait is, so that an interruption is noticed; milliseconds.
    private static let slice: Int32 = 100
    /// Longest answer.
    private static let answerBytes = 4096

    init(_ target: Settings.TCPSink, address: ListenAddress, time: any TimeSource) {
        self.target = target
        self.address = address
        self.time = time
    }

    func interrupt() { isInterrupted.store(true, ordering: .relaxed) }

    func close() { state.withLock { $0 = State(attempts: $0.attempts) } }

    func deliver(_ batch: borrowing SinkBatch) throws(SinkFailure) {
        do {
            let descriptor = try connected()
            try send(batch.lines, descriptor.number)
            if target.acknowledges {
                try awaitAcknowledgement(of: batch.last, descriptor.number)
            } else {
                try awaitTaken(descriptor.number)
            }
        } catch {
            close()
            throw error
        }
    }

    // MARK: Connecting

    private func connected() throws(SinkFailure) -> Descriptor {
        if let open = state.withLock({ $0.descriptor }) {
            try hear(open.number)
            return open
        }
        let attempt = state.withLock { state in
            state.attempts += 1
            return state.attempts
        }
        let descriptor: Descriptor
        switch Dialling.begin(address, attempt: attempt) {
        case .failed(let reason): throw SinkFailure("cannot connect: \(reason)")
        case .begun(let begun, _): descriptor = begun
        }
        guard try ready(descriptor.number, POLLOUT) else {
            throw SinkFailure("cannot connect: no answer in time")
        }
        if let reason = Dialling.reasonAgainst(descriptor.number) {
            throw SinkFailure("cannot connect: \(reason)")
        }
        SystemCalls.setOption(descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        state.withLock { $0.descriptor = descriptor }
        return descriptor
    }

    /// Whether a descriptor is ready for one of these within the timeout.
    private func ready(_ descriptor: Int32, _ events: Int32) throws(SinkFailure) -> Bool {
        let end = time.monotonic() + target.timeout
        while true {
            if isInterrupted.load(ordering: .relaxed) { throw SinkFailure("interrupted") }
            var waiting = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            if poll(&waiting, 1, Self.slice) > 0 { return true }
            if time.monotonic() > end { return false }
        }
    }

    // MARK: Sending

    private func send(_ bytes: [UInt8], _ descriptor: Int32) throws(SinkFailure) {
        var sent = 0
        while sent < bytes.count {
            let transfer = bytes.withUnsafeBytes {
                SystemCalls.transmit(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }
            switch transfer {
            case .bytes(let count): sent += count
            case .wait:
                // Who acknowledges may have to be heard before more is taken.
                guard try ready(descriptor, POLLOUT | POLLIN) else {
                    throw SinkFailure("the receiver has taken nothing for too long")
                }
                try hear(descriptor)
            case .end: throw SinkFailure("the connection ended")
            case .lost(let code): throw SinkFailure("the connection is lost: \(SystemCalls.describe(code))")
            }
        }
    }

    /// Waits until the receiver's kernel has acknowledged every byte.
    private func awaitTaken(_ descriptor: Int32) throws(SinkFailure) {
        var end = time.monotonic() + target.timeout
        var least = Int32.max
        var pause: useconds_t = 50
        while true {
            var left: Int32 = 0
            guard ioctl(descriptor, UInt(TIOCOUTQ), &left) == 0 else {
                throw SinkFailure("the connection is lost: \(SystemCalls.describe(errno))")
            }
            try hear(descriptor)
            if left == 0 { return }
            if isInterrupted.load(ordering: .relaxed) { throw SinkFailure("interrupted") }
            if left < least { (least, end) = (left, time.monotonic() + target.timeout) }
            if time.monotonic() > end {
                throw SinkFailure("the receiver has taken nothing for too long")
            }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }

    // MARK: Hearing

    private func awaitAcknowledgement(of seq: Int64, _ descriptor: Int32) throws(SinkFailure) {
        while state.withLock({ $0.acknowledged }) < seq {
            guard try ready(descriptor, POLLIN) else {
                throw SinkFailure("the receiver has acknowledged nothing for too long")
            }
            try hear(descriptor)
        }
    }

    /// Reads what has come, without waiting. Who does not acknowledge may have ended its side and read on.
    private func hear(_ descriptor: Int32) throws(SinkFailure) {
        guard !state.withLock({ $0.hasEnded }) else { return }
        var buffer = [UInt8](repeating: 0, count: Self.answerBytes)
        while true {
            switch buffer.withUnsafeMutableBytes({ SystemCalls.receive(descriptor, into: $0) }) {
            case .bytes(let count): if target.acknowledges { try take(buffer[..<count]) }
            case .wait: return
            case .end:
                if target.acknowledges { throw SinkFailure("the receiver has ended the connection") }
                state.withLock { $0.hasEnded = true }
                return
            case .lost(let code): throw SinkFailure("the connection is lost: \(SystemCalls.describe(code))")
            }
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) throws(SinkFailure) {
        let problem: ControlFailure? = state.withLock { state in
            state.partial += bytes
            while let newline = state.partial.firstIndex(of: 0x0A) {
                let line = Array(state.partial[..<newline])
                state.partial.removeSubrange(...newline)
                if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { continue }
                switch Self.acknowledgement(line) {
                case .success(let seq): state.acknowledged = max(state.acknowledged, seq)
                case .failure(let failure): return failure
                }
            }
            return state.partial.count > Self.answerBytes ? .tooLong(bytes: state.partial.count) : nil
        }
        if let problem { throw SinkFailure("the receiver's answer is no $ack: \(problem.code)") }
    }

    private static func acknowledgement(_ line: [UInt8]) -> Result<Int64, ControlFailure> {
        line.withUnsafeBytes { raw in
            do throws(ControlFailure) {
                let control = try ControlLine(raw)
                guard control.name == "$ack" else { throw .unknown(control.name) }
                guard let seq = try control.number("seq") else { throw .missing("seq") }
                return .success(seq)
            } catch {
                return .failure(error)
            }
        }
    }
}
