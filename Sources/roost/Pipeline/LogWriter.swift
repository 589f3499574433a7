import Core
import Dispatch
import Glibc
import Synchronization

/// Writes sentences for the operator to standard error, one a line, from a queue of its own: a pipe that
/// nobody reads holds up nothing, what it has no room for is counted and said later.
final class LogWriter: Sendable {
    private let queue = DispatchQueue(label: "roost.log", qos: .utility)
    private let waiting = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let time: any TimeSource
    private static let most = 1000

    init(time: any TimeSource) { self.time = time }

    var log: Log {
        Log { level, text in self.write(level, text) }
    }

    private func write(_ level: LogLevel, _ text: String) {
        guard waiting.load(ordering: .relaxed) < Self.most else {
            dropped.wrappingAdd(1, ordering: .relaxed)
            return
        }
        waiting.wrappingAdd(1, ordering: .relaxed)
        let stamp = time.wall()
        queue.async {
            let lost = self.dropped.exchange(0, ordering: .relaxed)
            let note = lost > 0 ? " (and \(lost) sentences before it that had no room)" : ""
            var line = Array("\(stamp) \(level.text): \(text)\(note)\n".utf8)
            line.withUnsafeMutableBytes { raw in
                var offset = 0
                while offset < raw.count {
                    let count = Glibc.write(2, raw.baseAddress! + offset, raw.count - offset)
                    if count < 0, errno == EINTR { continue }
                    if count <= 0 { break }
                    offset += count
                }
            }
            self.waiting.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    /// Waits until what was said is written, for a moment at most.
    func flush() {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(500))
    }
}
