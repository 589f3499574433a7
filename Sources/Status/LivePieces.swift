import Core

/// Server-sent events (WHATWG HTML, 9.2) as a listener's feed gives them.
struct LivePieces: PieceSource {
    static let contentType = "text/event-stream"

    let feed: any LiveFeed

    func next() async -> [UInt8]? {
        guard let events = await feed.next() else { return nil }
        // Something must go out now and then, or nobody notices that the listener has left.
        if events.isEmpty { return Array(": \n\n".utf8) }
        var out: [UInt8] = []
        for event in events {
            out += Array("event: \(event.name)\ndata: ".utf8)
            out += event.json
            out += Array("\n\n".utf8)
        }
        return out
    }

    func close() { feed.close() }
}
