import Core
import Glibc

/// Sends a log at a fixed rate over one acknowledged connection, with probes in between.
///
/// Every millisecond has its share of the lines. What is sent late, because the daemon took it late, keeps
/// the time at which it should have been sent: a stall counts against every probe that it delays.
struct PacedFeeder: ~Copyable {
    struct Result {
        /// For each probe, when the line that makes its trigger due should have been sent.
        var due: [Int64] = []
        /// Most that a line was sent after its time.
        var lagMost: Int64 = 0
        var lines = 0
        var microseconds: Int64 = 0
    }

    private static let step: Int64 = 1000
    /// Share of the steps that carry a probe, where the log allows one.
    private static let probeShare = 0.3
    private static let timeKey: StaticString = "\"event_timestamp\":\""

    private let log: MappedLog
    private let socket: Socket
    private let linesPerSecond: Double
    private let clock = SystemTime()
    private var chance = Randomness(seed: 42)
    private var cutter = LineCutter()
    private var welcomed = false
    private var isSynced = false
    private var at = 0
    private var result = Result()

    init(_ log: consuming MappedLog, to socket: consuming Socket, linesPerSecond: Double) {
        self.log = log
        self.socket = socket
        self.linesPerSecond = linesPerSecond
    }

    mutating func run() throws -> Result {
        try send(Array("{\"$hello\":{\"producer\":\"bench\"}}\n".utf8))
        while !welcomed { try receive(milliseconds: 1000) }
        let start = clock.monotonic()
        var number: Int64 = 0
        while at < log.bytes.count {
            number += 1
            let intended = start + number * Self.step
            let target = Int(linesPerSecond * Double(number * Self.step) / 1e6)
            let bytes = take(target - result.lines, intended)
            try receive(milliseconds: 0)
            sleep(until: intended)
            try send(bytes)
            result.lagMost = max(result.lagMost, clock.monotonic() - intended)
        }
        result.microseconds = clock.monotonic() - start
        try send(Array("{\"$sync\":{}}\n".utf8))
        while !isSynced { try receive(milliseconds: 1000) }
        return result
    }

    /// The next lines, before the last of them perhaps a probe.
    private mutating func take(_ count: Int, _ intended: Int64) -> [UInt8] {
        let start = at
        var before = at..<at
        var last = at..<at
        var taken = 0
        while taken < count, at < log.bytes.count {
            before = last
            last = at..<log.lineEnd(from: at)
            at = last.upperBound
            taken += 1
        }
        result.lines += taken
        guard taken > 1, chance.uniform() < Self.probeShare, let time = timeOfProbe(before, last) else {
            return Array(log.bytes[start..<at])
        }
        result.due.append(intended)
        return log.bytes[start..<last.lowerBound] + Probe.line(result.due.count - 1, time: time)
            + log.bytes[last]
    }

    /// The time of a line, where the next one is later and so makes due what falls due at that time.
    private func timeOfProbe(_ line: Range<Int>, _ next: Range<Int>) -> UnsafeRawBufferPointer? {
        guard let time = log.value(after: Self.timeKey, in: line),
            let later = log.value(after: Self.timeKey, in: next), time.count == later.count,
            time.lexicographicallyPrecedes(later)
        else { return nil }
        return time
    }

    private func sleep(until instant: Int64) {
        var time = timespec()
        time.tv_sec = Int(instant / Microseconds.second)
        time.tv_nsec = Int(instant % Microseconds.second) * 1000
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }

    private mutating func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let ready = try socket.wait(toSend: true, milliseconds: 1000)
            if ready.canReceive { try take() }
            if ready.canSend { sent += try socket.sendNow(bytes[sent...]) }
        }
    }

    private mutating func receive(milliseconds: Int32) throws {
        if try socket.wait(toSend: false, milliseconds: milliseconds).canReceive { try take() }
    }

    private mutating func take() throws {
        guard let bytes = try socket.receive() else {
            throw CommandFailure("the daemon closed the connection")
        }
        for line in cutter.take(bytes) {
            guard let answer = try Reply.tree(line).members.first else { continue }
            switch answer.key {
            case "$welcome": welcomed = true
            case "$synced": isSynced = true
            case "$ack", "$reject": break
            default:
                throw CommandFailure("the daemon answered \(String(decoding: line, as: UTF8.self))")
            }
        }
    }
}
