import Core

/// What events call items (`item_name`), the latest wins: state of the ledger, of which each shard keeps a copy.
///
/// A name holds from the row after the one that says it, so that it does not matter where records are cut. A shard may
/// be behind the ledger, after a start too: so the last versions are kept with their places in the journal.
///
/// At most `limit` items have one; the names of later ones are not kept. Names stay when a user is erased: they name
/// goods. Costs nothing where no event names an item, else about 200 bytes an item in the ledger and in each shard.
package struct ItemNames: Sendable, Equatable {
    package static let limit = 65_536
    /// Bytes of an item's id; those of longer ones are not kept.
    private static let longestID = 256
    /// Versions of records before the last that are kept of an item.
    private static let formerKept = 2

    private struct Version: Sendable, Equatable {
        var record: UInt64
        var row: UInt32
        var name: String
    }

    /// Ascending by place, never empty.
    private var versions: [[UInt8]: [Version]] = [:]

    package init() {}

    package var isEmpty: Bool { versions.isEmpty }

    /// The names a batch gives, in the order of its rows.
    ///
    /// - Returns: those that are new.
    mutating func learn(from batch: EventBatch, record: UInt64) -> [NamedItem] {
        var learnt: [NamedItem] = []
        for index in batch.rows.indices where batch.rows[index].itemNames != 0 {
            for (id, name) in batch.itemNames(of: batch.rows[index]) where id.count <= Self.longestID {
                let item = NamedItem(
                    row: UInt32(index), id: Array(id), name: String(decoding: name, as: UTF8.self))
                if take(item, record: record) { learnt.append(item) }
            }
        }
        return learnt
    }

    /// Takes what a row says, rows and records in their order.
    ///
    /// - Returns: whether it is news.
    @discardableResult
    mutating func take(_ item: NamedItem, record: UInt64) -> Bool {
        var known = versions[item.id] ?? []
        if known.isEmpty, versions.count >= Self.limit { return false }
        if let last = known.last {
            if last.name == item.name { return false }
            // A row that says two names of one item: the last of them.
            if last.record == record, last.row == item.row { known.removeLast() }
        }
        let former = known.prefix { $0.record < record }.count
        if former > Self.formerKept { known.removeFirst(former - Self.formerKept) }
        known.append(Version(record: record, row: item.row, name: item.name))
        versions[item.id] = known
        return true
    }

    /// What an item was called before a row of a record; nil where it had no name by then.
    func name(of id: [UInt8], beforeRow row: Int, of record: UInt64) -> String? {
        versions[id]?.last { $0.record < record || $0.record == record && $0.row < row }?.name
    }

    /// What it is called now.
    func name(of id: [UInt8]) -> String? { versions[id]?.last?.name }

    // MARK: Saved

    func write(to out: inout ByteWriter) {
        out.put(UInt64(versions.count))
        for (id, known) in versions.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            out.put(id)
            out.put(UInt64(known.count))
            for version in known {
                out.put(version.record)
                out.put(version.row)
                out.put(version.name)
            }
        }
    }

    init(from input: inout ByteReader) throws(StateError) {
        for _ in 0..<(try input.count(of: 16)) {
            let id = try input.getBlob()
            var known: [Version] = []
            for _ in 0..<(try input.count(of: 20)) {
                known.append(
                    Version(record: try input.get(), row: try input.get(), name: try input.getText()))
            }
            guard !known.isEmpty, versions.updateValue(known, forKey: id) == nil else {
                throw StateError("saved names of items that cannot be")
            }
        }
        guard versions.count <= Self.limit else {
            throw StateError("\(versions.count) saved names of items, at most \(Self.limit)")
        }
    }
}

/// A shard's copy, which its partitions read.
final class ShardItemNames {
    var names: ItemNames
    /// The record being applied.
    var record: UInt64 = 0

    init(_ names: ItemNames) { self.names = names }

    /// Takes what a record says before it is applied.
    func take(_ said: [NamedItem], record: UInt64) {
        self.record = record
        for item in said { names.take(item, record: record) }
    }
}

extension Partition {
    /// What events had called an item when what is being decided came to pass.
    func nameFromEvents(_ id: String) -> String? {
        guard let itemNames, !itemNames.names.isEmpty else { return nil }
        return itemNames.names.name(
            of: Array(id.utf8), beforeRow: clock.row(due: decidedThrough), of: itemNames.record)
    }

    /// What an item is called now; nil where neither the catalogue nor an event has named it.
    func currentName(ofItem id: String) -> String? {
        if let name = settings.items.facts(of: id)?.name, !name.isEmpty { return name }
        return itemNames?.names.name(of: Array(id.utf8))
    }
}
