import Synchronization

/// A value behind a lock, for what several queues add to.
final class Guarded<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }

    func update(_ change: @Sendable (inout Value) -> Void) { storage.withLock { change(&$0) } }
}
