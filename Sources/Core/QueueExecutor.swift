package import Dispatch

/// An actor's executor over a labelled serial Dispatch queue: what is sent to the queue keeps its order,
/// event handlers of the queue are already inside the actor, and profilers show its name.
package final class QueueExecutor: SerialExecutor {
    package let queue: DispatchQueue

    /// For what may block: the queue gets a thread of its own while it works.
    package init(label: String, qos: DispatchQoS = .userInitiated) {
        queue = DispatchQueue(label: label, qos: qos)
    }

    /// For what is many and never blocks: the queue borrows the target's threads, of which a global queue
    /// has as many as there are cores.
    package init(label: String, target: DispatchQueue) {
        queue = DispatchQueue(label: label, target: target)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        queue.async { unowned.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    package func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
