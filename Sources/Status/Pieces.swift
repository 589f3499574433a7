import Core

/// Users as NDJSON, a piece of the list at a time.
struct UserPieces: PieceSource {
    let list: any UserList

    func next() async -> [UInt8]? {
        let users = await list.next()
        guard !users.isEmpty else { return nil }
        let encoder = UserEncoder()
        var json = JSONWriter(capacity: users.count * 1024)
        for user in users {
            encoder.encode(user, into: &json)
            json.newline()
        }
        return json.bytes
    }

    func close() { list.close() }
}

/// `{"triggers":[…],"oldest":…,"last_seq":…,"next_after":…}`, a page of the outbox at a time.
actor TriggerPieces: PieceSource {
    static let pageSize = 500

    private let source: any StatusSource
    private let filter: TriggerFilter
    private var after: Int64
    private var left: Int
    private var hasBegun = false
    private var hasWritten = false
    private var isOver = false

    init(source: any StatusSource, after: Int64, limit: Int, filter: TriggerFilter) {
        self.source = source
        self.filter = filter
        self.after = after
        left = limit
    }

    func next() async -> [UInt8]? {
        guard !isOver else { return nil }
        let page = await source.triggers(after: after, limit: min(left, Self.pageSize), filter: filter)
        var out: [UInt8] = hasBegun ? [] : Array(#"{"triggers":["#.utf8)
        hasBegun = true
        for line in page.lines.split(separator: UInt8(ascii: "\n")) {
            if hasWritten { out.append(UInt8(ascii: ",")) }
            hasWritten = true
            out.append(contentsOf: line)
        }
        let moved = page.through > after
        after = max(after, page.through)
        left -= page.count
        isOver = left <= 0 || !moved || page.through >= page.last
        if isOver { out.append(contentsOf: ending(page)) }
        return out
    }

    private func ending(_ page: TriggerPage) -> [UInt8] {
        Array(#"],"oldest":\#(page.oldest),"last_seq":\#(page.last),"next_after":\#(after)}"#.utf8) + [0x0A]
    }

    nonisolated func close() {}
}

/// `{"dead_letters":[…],"next_after":…}`, a few at a time, for a line may be long.
actor DeadLetterPieces: PieceSource {
    static let pageSize = 50

    private let source: any StatusSource
    /// What this sink could not deliver; nil: what came in and could not be used.
    private let sink: String?
    private var after: Int64
    private var left: Int
    private var hasBegun = false
    private var hasWritten = false
    private var isOver = false

    init(source: any StatusSource, sink: String?, after: Int64, limit: Int) {
        self.source = source
        self.sink = sink
        self.after = after
        left = limit
    }

    private func read(_ limit: Int) async -> [DeadLetterView] {
        guard let sink else { return await source.deadLetters(after: after, limit: limit) }
        return await source.undelivered(by: sink, after: after, limit: limit) ?? []
    }

    func next() async -> [UInt8]? {
        guard !isOver else { return nil }
        let letters = left > 0 ? await read(min(left, Self.pageSize)) : []
        var out: [UInt8] = hasBegun ? [] : Array(#"{"dead_letters":["#.utf8)
        hasBegun = true
        for letter in letters {
            var json = JSONWriter(capacity: letter.line.count + 256)
            json.value(letter)
            if hasWritten { out.append(UInt8(ascii: ",")) }
            hasWritten = true
            out.append(contentsOf: json.bytes)
            after = max(after, letter.seq)
        }
        left -= letters.count
        isOver = letters.isEmpty
        if isOver { out.append(contentsOf: Array(#"],"next_after":\#(after)}"#.utf8) + [0x0A]) }
        return out
    }

    nonisolated func close() {}
}
