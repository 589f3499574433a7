import Core
import Dispatch
import Synchronization
import Wire

/// Lines `user,time,name`; one that begins with `!` is unusable.
struct FakeDecoder: SlabDecoder {
    var rowLimit = Int.max

    mutating func decode(_ slab: UnsafeRawBufferPointer, streamStart: Bool) -> DecodedSlab {
        var batch = EventBatch()
        var names: [[UInt8]: UInt16] = [:]
        var index = 0
        while index < slab.count, let newline = slab[index...].firstIndex(of: 0x0A) {
            let line = Array(slab[index..<newline])
            if ControlLine.begins(line) {
                return DecodedSlab(batch: batch, consumed: index, stop: .control(index..<newline))
            }
            if batch.lineCount == rowLimit { return DecodedSlab(batch: batch, consumed: index, stop: .full) }
            batch.byteCount += newline + 1 - index
            index = newline + 1
            if line.isEmpty { continue }
            append(line, to: &batch, names: &names)
            batch.lineCount += 1
        }
        return DecodedSlab(batch: batch, consumed: index, stop: .end)
    }

    private func append(_ line: [UInt8], to batch: inout EventBatch, names: inout [[UInt8]: UInt16]) {
        let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(
            Array.init)
        guard line[0] != UInt8(ascii: "!"), fields.count == 3 else {
            batch.rejections.append(
                Rejection(line: batch.lineCount, code: .badJSON, detail: "unusable", raw: line))
            return
        }
        var row = EventRow()
        row.line = batch.lineCount
        row.time = Int64(String(decoding: fields[1], as: UTF8.self)) ?? 0
        row.userOffset = UInt32(batch.text.count)
        row.userLength = UInt16(fields[0].count)
        batch.text += fields[0]
        if let known = names[fields[2]] {
            row.name = known
        } else {
            row.name = UInt16(batch.dictionary.count)
            names[fields[2]] = row.name
            batch.dictionary.append(
                TextRange(offset: UInt32(batch.text.count), length: UInt32(fields[2].count)))
            batch.text += fields[2]
        }
        batch.rows.append(row)
    }
}

/// A batch of the given lines.
func batch(_ lines: String...) -> EventBatch {
    var bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    bytes += [UInt8](repeating: 0, count: LineFramer.padding)
    var decoder = FakeDecoder()
    return bytes.withUnsafeBytes {
        decoder.decode(
            UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - LineFramer.padding)]), streamStart: true
        ).batch
    }
}

/// Users of a batch's rows, and its rejected lines as `!`, in line order.
func summary(_ batch: EventBatch) -> [String] {
    var lines = [String](repeating: "?", count: Int(batch.lineCount))
    for row in batch.rows { lines[Int(row.line)] = batch.user(of: row) }
    for rejection in batch.rejections { lines[Int(rejection.line)] = "!" }
    return lines
}

/// Keeps what is submitted in memory; commits at once, or when told.
final class FakeIntake: Intake {
    struct Session {
        var epoch: UInt64 = 0
        var next: UInt64 = 1
        var fence: (@Sendable () -> Void)?
    }

    private struct State {
        var holding: Bool
        var held: [@Sendable () -> Void] = []
        var sessions: [String: Session] = [:]
        var lines: [String] = []
        var goodbyes = 0
        var submissions = 0
    }

    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "test.intake")
    /// One value for each submission, and one for each goodbye.
    let submitted = Recorder<Int>()
    let departed = Recorder<String>()

    private let wall: EventTime?

    init(holding: Bool = false, wallNow: EventTime? = nil) {
        wall = wallNow
        state = Mutex(State(holding: holding))
    }

    /// Lines taken, in order, those of connections that are gone included.
    var lines: [String] {
        queue.sync {}
        return state.withLock { $0.lines }
    }

    /// Completes what was held, and from now on everything at once.
    func release() {
        let held = state.withLock { state in
            state.holding = false
            defer { state.held = [] }
            return state.held
        }
        for completion in held { queue.async(execute: completion) }
    }

    private func complete(_ body: @escaping @Sendable () -> Void) {
        let now = state.withLock { state in
            if state.holding { state.held.append(body) }
            return !state.holding
        }
        if now { queue.async(execute: body) }
    }

    /// What was said of users, as `id granted name language zone`.
    let notes = Recorder<String>()

    func note(_ profile: ContactProfile, of user: [UInt8]) {
        let granted = profile.granted.map { "\($0)" } ?? "-"
        notes.append(
            "\(String(decoding: user, as: UTF8.self)) \(granted) \(profile.name) \(profile.language) \(profile.zone)"
        )
    }

    func submit(_ submission: Submission, completion: @escaping @Sendable (Receipt) -> Void) {
        complete {
            completion(self.commit(submission))
        }
        submitted.append(Int(submission.batch.lineCount))
    }

    private func commit(_ submission: Submission) -> Receipt {
        state.withLock { state in
            var next: UInt64 = 0
            if let producer = submission.producer {
                guard state.sessions[producer.name]?.epoch == producer.epoch else { return .fenced }
                precondition(state.sessions[producer.name]?.next == submission.firstLine)
                next = submission.firstLine + UInt64(submission.batch.lineCount)
                state.sessions[producer.name]?.next = next
            }
            state.lines += summary(submission.batch)
            return .committed(
                next: next, rejections: submission.batch.rejections, accepted: submission.batch.rows.count)
        }
    }

    func hello(
        producer: String, from: UInt64?, fence: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (HelloAnswer) -> Void
    ) {
        let (answer, old): (HelloAnswer, (@Sendable () -> Void)?) = state.withLock { state in
            var session = state.sessions[producer] ?? Session()
            if let from, from > session.next { return (.ahead(next: session.next), nil) }
            let old = session.fence
            session.epoch += 1
            session.fence = fence
            state.sessions[producer] = session
            return (
                .welcome(
                    session: ProducerSession(name: producer, epoch: session.epoch), next: session.next,
                    store: "store-1"), old
            )
        }
        old?()
        complete { completion(answer) }
    }

    func goodbye(_ session: ProducerSession) {
        state.withLock { state in
            if state.sessions[session.name]?.epoch == session.epoch {
                state.sessions[session.name]?.fence = nil
            }
        }
        departed.append(session.name)
    }

    func sync(completion: @escaping @Sendable () -> Void) { complete(completion) }

    func advance(to time: EventTime, completion: @escaping @Sendable (AdvanceAnswer) -> Void) {
        complete {
            completion(
                time.microseconds < 0
                    ? .refused(code: "backwards", detail: "now is later") : .advanced(watermark: time))
        }
    }

    func wallNow() -> EventTime? { wall }
    var needsSource: Bool { false }
}
