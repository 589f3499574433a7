import Core
import Dispatch

/// Users made for a measurement: one signs up, and the trigger that follows is waited for.
enum Probe {
    private static let prefix = "roost-probe-"

    /// - Parameter time: event time as the log writes it.
    static func line(_ number: Int, time: UnsafeRawBufferPointer) -> [UInt8] {
        Array("{\"event_timestamp\":\"".utf8) + time
            + Array("\",\"user_pseudo_id\":\"\(prefix)\(number)\",\"event_name\":\"sign_up\"}\n".utf8)
    }

    static func number(ofUser user: String) -> Int? {
        user.hasPrefix(prefix) ? Int(user.dropFirst(prefix.count)) : nil
    }
}

/// Reads the trigger port on a queue of its own and keeps when each probe's trigger came.
final class ProbeReader: Sendable {
    private let arrivals = Guarded<[Int: Int64]>([:])
    /// How many will come; nil while probes are sent.
    private let expected = Guarded<Int?>(nil)
    private let trouble = Guarded<String?>(nil)
    private let group = DispatchGroup()
    private static let patienceMicroseconds = 10 * Microseconds.second

    init(_ address: ListenAddress) throws {
        let socket = try Socket(connecting: address)
        try socket.send(Array("{\"$resume\":{\"after\":0,\"types\":[\"welcome\"]}}\n".utf8))
        // The connection is made here, so that a refusal is thrown; the queue owns it from now on.
        let handed = Handed(socket)
        DispatchQueue(label: "roost.bench.subscriber").async(group: group) { [self] in
            do {
                try follow(handed.socket)
            } catch let failure as CommandFailure {
                trouble.update { $0 = failure.reason }
            } catch {
                trouble.update { $0 = "\(error)" }
            }
        }
    }

    /// A connection on its way to another queue.
    private final class Handed: Sendable {
        let socket: Socket
        init(_ socket: consuming Socket) { self.socket = socket }
    }

    /// Waits for the rest.
    ///
    /// - Parameter count: probes sent; they are numbered from 0.
    /// - Returns: when each came, monotonic microseconds.
    func finish(count: Int) throws(CommandFailure) -> [Int64] {
        expected.update { $0 = count }
        group.wait()
        if let reason = trouble.value { throw CommandFailure(reason) }
        let found = arrivals.value
        let times = (0..<count).compactMap { found[$0] }
        guard times.count == count else {
            throw CommandFailure("of \(count) triggers \(count - times.count) did not come")
        }
        return times
    }

    private func follow(_ socket: borrowing Socket) throws {
        let clock = SystemTime()
        var cutter = LineCutter()
        var lastCall: Int64?
        while true {
            if let count = expected.value {
                let deadline = lastCall ?? (clock.monotonic() + Self.patienceMicroseconds)
                lastCall = deadline
                if arrivals.value.count >= count || clock.monotonic() > deadline { return }
            }
            guard try socket.wait(toSend: false, milliseconds: 20).canReceive else { continue }
            guard let bytes = try socket.receive() else {
                throw CommandFailure("the daemon closed the trigger port's connection")
            }
            let now = clock.monotonic()
            for line in cutter.take(bytes) {
                let tree = try Reply.tree(line)
                guard let user = tree["user"]?.text, let number = Probe.number(ofUser: user) else { continue }
                arrivals.update { $0[number] = $0[number] ?? now }
            }
        }
    }
}
