package import Dispatch

/// Runs an actor on a serial Dispatch queue of its own, so that event handlers of that queue are already
/// inside the actor. The queue borrows threads from the global one, which has as many as cores.
package final class ConnectionExecutor: SerialExecutor {
    package let queue: DispatchQueue

    package init(label: String) {
        queue = DispatchQueue(label: label, target: .global(qos: .userInitiated))
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    package func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
