package import Core

/// Names of events and their numbers: the known ones first, then others in the order of the journal.
package struct EventNames: Sendable, Equatable {
    package static let sessionStart: UInt16 = 0
    package static let firstVisit: UInt16 = 1
    package static let viewItem: UInt16 = 2
    package static let addToCart: UInt16 = 3
    package static let beginCheckout: UInt16 = 4
    package static let purchase: UInt16 = 5
    package static let refund: UInt16 = 6
    package static let login: UInt16 = 7
    package static let signUp: UInt16 = 8
    /// What names beyond the limit are counted under.
    package static let other: UInt16 = 9
    package static let firstCustom: UInt16 = 10

    package static let known = [
        "session_start", "first_visit", "view_item", "add_to_cart", "begin_checkout", "purchase", "refund",
        "login", "sign_up", "other",
    ]

    /// Names beyond the known ones, from number `firstCustom` on.
    package private(set) var custom: [String] = []
    /// The journal record in which each of them got its number, ascending.
    private var records: [UInt64] = []
    private var numbers: [String: UInt16]
    private var limit: Int

    package init(limit: Int) {
        self.limit = min(limit, 1000)
        numbers = Dictionary(
            uniqueKeysWithValues: Self.known.enumerated().map { ($0.element, UInt16($0.offset)) })
    }

    package func text(_ code: UInt16) -> String {
        if code < Self.firstCustom { return Self.known[Int(code)] }
        let index = Int(code - Self.firstCustom)
        return index < custom.count ? custom[index] : Self.known[Int(Self.other)]
    }

    /// Only names that come later are concerned.
    package mutating func setLimit(_ limit: Int) { self.limit = min(limit, 1000) }

    package func code(_ name: String) -> UInt16? { numbers[name] }

    /// Number of a name; a new one is added while there is room.
    private mutating func intern(_ name: String, _ record: UInt64) -> UInt16 {
        if let code = numbers[name] { return code }
        guard custom.count < limit else { return Self.other }
        let code = Self.firstCustom + UInt16(custom.count)
        custom.append(name)
        records.append(record)
        numbers[name] = code
        return code
    }

    /// Number of a name as a record that has been taken before had it: one added since was `other` then.
    private func number(_ name: String, asOf record: UInt64) -> UInt16 {
        guard let code = numbers[name] else { return Self.other }
        return code < Self.firstCustom || records[Int(code - Self.firstCustom)] <= record ? code : Self.other
    }

    /// Numbers of the dictionary entries of a record's batch that its rows use as names; others get `other`.
    ///
    /// - Parameter isNew: the record is the next of the journal; else it is taken again, for partitions that
    ///   are behind, and gives the numbers it gave first, whatever names and limits came later.
    package mutating func codes(of batch: EventBatch, record: UInt64, isNew: Bool) -> [UInt16] {
        var codes = [UInt16](repeating: Self.other, count: batch.dictionary.count)
        var seen = [Bool](repeating: false, count: batch.dictionary.count)
        for row in batch.rows where !seen[Int(row.name)] {
            seen[Int(row.name)] = true
            let name = batch.string(row.name)
            codes[Int(row.name)] = isNew ? intern(name, record) : number(name, asOf: record)
        }
        return codes
    }

    package func write(to out: inout ByteWriter) {
        out.put(UInt64(custom.count))
        for (name, record) in zip(custom, records) {
            out.put(name)
            out.put(record)
        }
    }

    package init(from input: inout ByteReader, limit: Int) throws(StateError) {
        self.init(limit: limit)
        let total = try input.count(of: 16)
        for _ in 0..<total {
            let name = try input.getText()
            numbers[name] = Self.firstCustom + UInt16(custom.count)
            custom.append(name)
            records.append(try input.get())
        }
    }
}
