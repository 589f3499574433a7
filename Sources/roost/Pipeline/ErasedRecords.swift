import Core
import Engine
import Store

/// Takes erased users out of journal records that are kept elsewhere: their rows go, what was said of them and
/// unusable lines that speak of them are emptied. What the record says of clock, producer and numbers of lines stays.
struct ErasedRecords {
    private let erasures: [PendingErasure]
    private let key: HashKey
    /// Ids, each with the record that erased it: later ones are of another user.
    private var bounds: [[UInt8]: UInt64] = [:]
    /// The same of those of whom only the mark is known.
    private var markBounds: [ErasureMark: UInt64] = [:]
    private var lengths: Set<UInt16> = []
    /// Of all of them, by mark.
    private var contactBounds: [ErasureMark: UInt64] = [:]

    init(_ erasures: [PendingErasure], key: HashKey) {
        self.erasures = erasures
        self.key = key
        for erasure in erasures {
            guard let record = erasure.record else { continue }
            contactBounds[erasure.mark] = max(contactBounds[erasure.mark] ?? 0, record)
            if let user = erasure.user {
                bounds[user] = max(bounds[user] ?? 0, record)
                lengths.insert(UInt16(user.count))
            } else {
                markBounds[erasure.mark] = max(markBounds[erasure.mark] ?? 0, record)
            }
        }
    }

    /// The record's payload without them; nil where it holds nothing of them.
    func payload(
        _ number: UInt64, _ kind: UInt8, _ payload: UnsafeRawBufferPointer
    ) throws(StateError) -> [UInt8]? {
        if kind == 9 { return try contact(number, payload) }
        guard kind == 1, case .events(var entry) = try JournalEntry(kind: kind, payload: payload) else {
            return nil
        }
        let rows = entry.batch.rows.count
        let batch = entry.batch
        entry.batch.rows.removeAll { isErased($0, of: batch, number) }
        let emptied = emptyRejections(&entry.batch, number)
        guard emptied || entry.batch.rows.count < rows else { return nil }
        entry.batch.dropUnownedItems()
        entry.batch.emptyUnsaid()
        return entry.payload(encodedBatch: nil)
    }

    private func contact(
        _ number: UInt64, _ payload: UnsafeRawBufferPointer
    ) throws(StateError) -> [UInt8]? {
        guard case .contact(var entry) = try JournalEntry(kind: 9, payload: payload),
            let bound = contactBounds[entry.mark], number < bound, entry.profile != ContactProfile()
        else { return nil }
        entry.profile = ContactProfile()
        return JournalEntry.contact(entry).encoded()
    }

    private func isErased(_ row: EventRow, of batch: EventBatch, _ number: UInt64) -> Bool {
        guard lengths.contains(row.userLength) || !markBounds.isEmpty else { return false }
        let start = Int(row.userOffset)
        let id = Array(batch.text[start..<start + Int(row.userLength)])
        if let bound = bounds[id] { return number < bound }
        if markBounds.isEmpty { return false }
        return markBounds[key.erasureMark(of: id)].map { number < $0 } ?? false
    }

    private func emptyRejections(_ batch: inout EventBatch, _ number: UInt64) -> Bool {
        guard !batch.rejections.isEmpty else { return false }
        let later = erasures.filter { ($0.record ?? 0) > number }
        let matcher = ErasureMatcher(later.map { ($0.mark, $0.user) }, key: key)
        var emptied = false
        for index in batch.rejections.indices {
            let rejection = batch.rejections[index]
            guard !rejection.raw.isEmpty,
                matcher.match(rejection.raw) ?? matcher.match(Array(rejection.detail.utf8)) != nil
            else { continue }
            batch.rejections[index].raw = []
            batch.rejections[index].detail = DeadLetters.erasedDetail
            emptied = true
        }
        return emptied
    }
}

extension EventBatch {
    /// Empties what only removed rows said of consent and profile: names among it are nobody else's.
    fileprivate mutating func emptyUnsaid() {
        var isUsed = [Bool](repeating: false, count: dictionary.count)
        for row in rows {
            isUsed[Int(row.name)] = true
            if row.contact != 0 { isUsed[Int(row.contact) - 1] = true }
            if row.itemNames != 0 { isUsed[Int(row.itemNames) - 1] = true }
            withUnsafeBytes(of: row.dimensions) { raw in
                for entry in raw.assumingMemoryBound(to: UInt16.self) where entry != EventRow.absent {
                    isUsed[Int(entry)] = true
                }
            }
        }
        for item in items where item.category != EventRow.absent { isUsed[Int(item.category)] = true }
        for entry in dictionary.indices where !isUsed[entry] { dictionary[entry].length = 0 }
    }
}
