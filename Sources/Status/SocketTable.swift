import Glibc
import Synchronization

/// The open connections and how long each may still take to bring its request.
///
/// Time is counted in ticks of whoever calls `sweep`, so that nothing here reads a clock. A connection
/// that is late is shut down; its thread then finds it closed.
final class SocketTable: Sendable {
    private struct Entry {
        var descriptor: Int32
        /// Nil while the daemon is at work, which is not the client's fault.
        var expires: Int?
        var bodyBytes = 0
        var bodySince = 0
    }

    private struct State {
        var tick = 0
        var next: UInt64 = 0
        var entries: [UInt64: Entry] = [:]
    }

    /// Ticks for a request's headers, and for its body to begin.
    let patience: Int
    /// Bytes of body that earn one more tick.
    let bytesPerTick: Int
    private let state = Mutex(State())

    init(patience: Int, bytesPerTick: Int) {
        self.patience = patience
        self.bytesPerTick = bytesPerTick
    }

    var count: Int { state.withLock { $0.entries.count } }
    var tick: Int { state.withLock { $0.tick } }

    func open(_ descriptor: Int32) -> UInt64 {
        state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(descriptor: descriptor, expires: state.tick + patience)
            return state.next
        }
    }

    /// Must return before the descriptor is closed, so that its number cannot mean another socket.
    func close(_ id: UInt64) {
        state.withLock { state in state.entries[id] = nil }
    }

    /// A request is expected, or its headers have come and the body is.
    func expectMore(_ id: UInt64) {
        state.withLock { state in
            state.entries[id]?.expires = state.tick + patience
            state.entries[id]?.bodySince = state.tick
            state.entries[id]?.bodyBytes = 0
        }
    }

    func receive(_ id: UInt64, bytes: Int) {
        state.withLock { state in
            guard var entry = state.entries[id] else { return }
            entry.bodyBytes += bytes
            entry.expires = entry.bodySince + patience + entry.bodyBytes / bytesPerTick
            state.entries[id] = entry
        }
    }

    /// The request is whole.
    func expectNothing(_ id: UInt64) {
        state.withLock { state in state.entries[id]?.expires = nil }
    }

    /// One tick later: ends the connections that took too long.
    func sweep() {
        state.withLock { state in
            state.tick += 1
            for (id, entry) in state.entries {
                guard let expires = entry.expires, expires <= state.tick else { continue }
                shutdown(entry.descriptor, Int32(SHUT_RDWR))
                state.entries[id]?.expires = nil
            }
        }
    }
}
