import Synchronization

/// Where the pieces of a long answer come from.
protocol PieceSource: Sendable {
    /// The next bytes; nil at the end.
    func next() async -> [UInt8]?
    /// Gives back what it holds; called once, and not while `next` runs.
    func close()
}

/// A body of unknown length between its source, which is awaited in a task, and the connection's thread,
/// which sends it: one piece in memory at a time.
final class PieceStream: Sendable {
    enum Reading {
        case bytes(Int)
        /// Nothing here: call `fetch`, then read again; or `giveUpFetching`.
        case empty
        case end
        /// Read again before `fetch` was over: the port is stopping.
        case broken
    }

    private struct State {
        var piece: [UInt8] = []
        var offset = 0
        var isFetching = false
        var isOver = false
        var isEnded = false
        var isClosed = false

        /// Whether the source is to be closed now, told once.
        mutating func close() -> Bool {
            guard !isClosed, !isFetching, isEnded || isOver else { return false }
            isClosed = true
            if isEnded { piece = [] }
            return true
        }
    }

    private let source: any PieceSource
    private let state = Mutex(State())

    init(_ source: any PieceSource) { self.source = source }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Reading {
        state.withLock { state in
            if state.isFetching { return .broken }
            let count = min(buffer.count, state.piece.count - state.offset)
            if count > 0 {
                buffer.copyBytes(from: state.piece[state.offset..<state.offset + count])
                state.offset += count
                return .bytes(count)
            }
            if state.isOver { return .end }
            state.piece = []
            state.isFetching = true
            return .empty
        }
    }

    /// Gets the next piece that is not empty.
    func fetch() async {
        var piece = await source.next()
        while let empty = piece, empty.isEmpty, !Task.isCancelled { piece = await source.next() }
        let closes = state.withLock { state in
            state.isFetching = false
            state.offset = 0
            state.piece = piece ?? []
            state.isOver = state.piece.isEmpty
            return state.close()
        }
        if closes { source.close() }
    }

    /// The fetch that `read` asked for will not be: whoever would have done it is stopping.
    func giveUpFetching() {
        let closes = state.withLock { state in
            state.isFetching = false
            return state.close()
        }
        if closes { source.close() }
    }

    /// Nobody reads any more, at the end or before it.
    func end() {
        let closes = state.withLock { state in
            state.isEnded = true
            return state.close()
        }
        if closes { source.close() }
    }
}
