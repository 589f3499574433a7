import Core
import Dispatch
import Synchronization
import Wire

/// An outbox in memory: line `n` is `{"seq":n}`, of type `odd` or `even`; multiples of ten are held out.
final class FakeTriggers: TriggerSource {
    private struct State {
        var oldest: Int64 = 1
        var last: Int64 = 0
        var cursors: [String: Int64] = [:]
        var observers: [UInt64: @Sendable (Int64) -> Void] = [:]
        var nextID: UInt64 = 0
        var reads = 0
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "test.outbox")
    let stored = Recorder<Int64>()
    let observed = Recorder<UInt64>()
    let cancelled = Recorder<UInt64>()
    let readAfter = Recorder<Int64>()
    private let stretch: Int64

    init(oldest: Int64 = 1, last: Int64 = 0, stretch: Int64 = 100, cursors: [String: Int64] = [:]) {
        self.stretch = stretch
        state.withLock { state in
            state.oldest = oldest
            state.last = last
            state.cursors = cursors
        }
    }

    var last: Int64 { state.withLock { $0.last } }

    func append(_ count: Int64) {
        let (observers, last) = state.withLock { state in
            state.last += count
            return (Array(state.observers.values), state.last)
        }
        queue.async { for observer in observers { observer(last) } }
    }

    func cut(to oldest: Int64) { state.withLock { $0.oldest = oldest } }

    static func line(_ seq: Int64) -> String { "{\"seq\":\(seq)}" }

    func read(
        after seq: Int64, limit: Int, filter: TriggerFilter,
        completion: @escaping @Sendable (TriggerPage) -> Void
    ) {
        let page = state.withLock { state in
            var page = TriggerPage(lines: [], count: 0, through: seq, oldest: state.oldest, last: state.last)
            var next = max(seq + 1, state.oldest)
            let end = min(state.last, next + stretch - 1)
            while next <= end, page.count < limit {
                page.through = next
                let type = next % 2 == 0 ? "even" : "odd"
                if filter.types?.contains(type) ?? true, filter.includeHoldout || next % 10 != 0 {
                    page.lines += Array((FakeTriggers.line(next) + "\n").utf8)
                    page.count += 1
                }
                next += 1
            }
            return page
        }
        readAfter.append(seq)
        queue.async { completion(page) }
    }

    func cursor(of consumer: String, completion: @escaping @Sendable (Int64?) -> Void) {
        let cursor = state.withLock { $0.cursors[consumer] }
        queue.async { completion(cursor) }
    }

    func store(cursor seq: Int64, of consumer: String, completion: @escaping @Sendable () -> Void) {
        state.withLock { $0.cursors[consumer] = max(seq, $0.cursors[consumer] ?? 0) }
        stored.append(seq)
        queue.async { completion() }
    }

    func observe(_ onCommit: @escaping @Sendable (Int64) -> Void) -> UInt64 {
        let id = state.withLock { state in
            state.nextID += 1
            state.observers[state.nextID] = onCommit
            return state.nextID
        }
        observed.append(id)
        return id
    }

    func cancel(_ observation: UInt64) {
        state.withLock { $0.observers[observation] = nil }
        cancelled.append(observation)
    }

    func now() -> EventTime { EventTime(microseconds: 1_735_689_600_000_000) }
}

/// A subscriber's protocol machine with readable answers.
struct SubscriberScript {
    var machine: SubscriberProtocol
    var actions: [SubscriberProtocol.Action] = []
    var now: Int64 = 0

    init(limits: Limits = Limits(), token: String? = nil) {
        machine = SubscriberProtocol(limits: limits, token: token, now: 0)
    }

    mutating func say(_ text: String) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { actions += machine.received($0, now: now) }
    }

    mutating func tick(at time: Int64) {
        now = time
        actions += machine.tick(now: time) { EventTime(microseconds: 0) }
    }

    mutating func commit(_ seq: Int64) { actions += machine.committed(seq) }

    /// The last read asked for.
    var read: (after: Int64, limit: Int, id: UInt64)? {
        guard case .read(let read, _, let id) = actions.last else { return nil }
        return (read.after, read.limit, id)
    }

    var filter: TriggerFilter? {
        guard case .read(_, let filter, _) = actions.last else { return nil }
        return filter
    }

    /// Answers the last read.
    mutating func page(_ lines: String, count: Int, through: Int64, oldest: Int64, last: Int64) {
        guard let read else { return }
        let page = TriggerPage(
            lines: Array(lines.utf8), count: count, through: through, oldest: oldest, last: last)
        actions += machine.page(page, id: read.id, now: now)
    }

    mutating func heard() -> String { String(decoding: machine.takeOutput(), as: UTF8.self) }

    var stores: [Int64] {
        actions.compactMap { if case .store(let seq, _) = $0 { seq } else { nil } }
    }
}
