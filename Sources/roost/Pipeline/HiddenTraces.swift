import Core
import Store

/// What readers are not shown of erased users while it still stands in the tables: it is gone from all
/// answers at once, and from the files a little later.
struct HiddenTraces: Sendable {
    /// By id as JSON writes it, with its quotation marks: the newest trigger that is hidden.
    private var triggers: [[UInt8]: Int64] = [:]
    private var matcher: ErasureMatcher?
    /// By user of the matcher, the newest letter that is hidden.
    private var letters: [Int64] = []

    init() {}

    /// - Parameter key: what the marks were made with.
    init(_ erasures: [PendingErasure], key: HashKey) {
        let recorded = erasures.filter { $0.record != nil }
        guard !recorded.isEmpty else { return }
        for erasure in recorded {
            guard let user = erasure.user else { continue }
            var writer = JSONWriter()
            writer.value(utf8: user)
            triggers[writer.bytes] = max(triggers[writer.bytes] ?? 0, erasure.triggers)
        }
        // The newest of one user's comes first, so that its bound is the one that holds.
        let newest = recorded.sorted { $0.letters > $1.letters }
        matcher = ErasureMatcher(newest.map { ($0.mark, $0.user) }, key: key)
        letters = newest.map(\.letters)
    }

    // MARK: Triggers

    /// The page as it will be once the rows are erased.
    func hide(_ page: TriggerPage, _ filter: TriggerFilter) -> TriggerPage {
        if triggers.isEmpty || page.count == 0 { return page }
        let showsErased =
            filter.user == nil && filter.types.map { $0.contains(TriggerEncoder.erasedType) } ?? true
        var shown = page
        var writer = JSONWriter(capacity: page.lines.count)
        var dropped = 0
        for line in page.lines.split(separator: UInt8(ascii: "\n")) {
            guard let seq = hiddenNumber(of: line) else {
                writer.raw(line)
                writer.newline()
                continue
            }
            if showsErased { TriggerEncoder.encodeErased(seq: seq, into: &writer) } else { dropped += 1 }
        }
        shown.lines = writer.bytes
        shown.count -= dropped
        return shown
    }

    /// Number of a line that is to be hidden, else nil.
    private func hiddenNumber(of line: ArraySlice<UInt8>) -> Int64? {
        guard let user = Self.quoted(after: ",\"user\":", in: line), let through = triggers[user],
            let seq = Self.number(after: "{\"seq\":", in: line), seq <= through
        else { return nil }
        return seq
    }

    private static func number(after head: StaticString, in line: ArraySlice<UInt8>) -> Int64? {
        let digits = line.dropFirst(head.utf8CodeUnitCount).prefix { (48...57).contains($0) }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// The string behind a key, with its quotation marks.
    private static func quoted(after key: StaticString, in line: ArraySlice<UInt8>) -> [UInt8]? {
        let wanted = UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount)
        var start = line.startIndex
        while start + wanted.count < line.endIndex {
            if line[start...].starts(with: wanted) { break }
            start += 1
        }
        let opening = start + wanted.count
        guard opening < line.endIndex, line[opening] == UInt8(ascii: "\"") else { return nil }
        var end = opening + 1
        while end < line.endIndex, line[end] != UInt8(ascii: "\"") {
            end += line[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        return end < line.endIndex ? Array(line[opening...end]) : nil
    }

    // MARK: Dead letters

    func hide(_ page: [DeadLetterView]) -> [DeadLetterView] {
        guard let matcher else { return page }
        return page.map { letter in
            guard let place = matcher.match(letter.line) ?? matcher.match(Array(letter.detail.utf8)),
                letter.seq <= letters[place]
            else { return letter }
            var hidden = letter
            hidden.line = []
            hidden.detail = DeadLetters.erasedDetail
            return hidden
        }
    }
}
