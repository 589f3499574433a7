import Core

/// One line of a test's log.
struct PlainEvent: Sendable {
    var user: String
    var time: Int64
    var name: String
    var id: String?
    /// Millionths.
    var value: Int64?
    /// 0 none, 1 used, 2 not used, 3 clicked.
    var coupon: UInt8 = 0
    var dimensions: [Dimension: String] = [:]
    var items: [PlainItem] = []
    /// What it says of consent and profile.
    var contact: ContactProfile?

    init(_ user: String, _ time: Int64, _ name: String) {
        self.user = user
        self.time = time
        self.name = name
    }
}

struct PlainItem: Sendable, Equatable {
    var id: String
    var category: String?
    /// Millionths.
    var quantity: Int64 = 1_000_000
    var price: Int64?
    var name: String?
}

extension EventBatch {
    /// What a decoder makes of lines, by hand.
    init(_ events: [PlainEvent]) {
        self.init()
        var entries: [String: UInt16] = [:]
        for (line, event) in events.enumerated() {
            var row = EventRow()
            row.time = event.time
            row.line = UInt32(line)
            (row.userOffset, row.userLength) = append(event.user)
            row.name = entry(event.name, &entries)
            if let id = event.id {
                row.flags |= EventFlags.hasID
                (row.idOffset, row.idLength) = append(id)
            }
            if let value = event.value {
                row.flags |= EventFlags.hasValue
                row.value = value
            }
            row.flags |= event.coupon << EventFlags.couponShift
            for dimension in Dimension.allCases {
                guard let value = event.dimensions[dimension] else { continue }
                let number = entry(value, &entries)
                withUnsafeMutableBytes(of: &row.dimensions) {
                    $0.storeBytes(of: number, toByteOffset: 2 * dimension.rawValue, as: UInt16.self)
                }
            }
            if let contact = event.contact { row.contact = addContact(contact) + 1 }
            if event.items.contains(where: { $0.name != nil }) {
                row.itemNames = addItemNames(event.items.map { $0.name ?? "" }) + 1
            }
            row.itemsStart = event.items.isEmpty ? 0 : UInt32(items.count)
            row.itemsCount = UInt16(event.items.count)
            for item in event.items {
                var written = ItemRow()
                (written.idOffset, written.idLength) = append(item.id)
                written.quantity = item.quantity
                if let price = item.price { written.price = price }
                if let category = item.category { written.category = entry(category, &entries) }
                items.append(written)
            }
            rows.append(row)
        }
        lineCount = UInt32(events.count)
        byteCount = 100 * events.count
    }

    private mutating func append(_ string: String) -> (UInt32, UInt16) {
        let offset = UInt32(text.count)
        text.append(contentsOf: Array(string.utf8))
        return (offset, UInt16(string.utf8.count))
    }

    /// An entry with the names of the items: of each its length in 16 bits, and its bytes.
    private mutating func addItemNames(_ names: [String]) -> UInt16 {
        let offset = UInt32(text.count)
        for name in names {
            text += [UInt8(name.utf8.count & 0xFF), UInt8(name.utf8.count >> 8)]
            text += Array(name.utf8)
        }
        dictionary.append(TextRange(offset: offset, length: UInt32(text.count) - offset))
        return UInt16(dictionary.count - 1)
    }

    private mutating func addContact(_ profile: ContactProfile) -> UInt16 {
        let offset = UInt32(text.count)
        text += profile.packed
        dictionary.append(TextRange(offset: offset, length: UInt32(text.count) - offset))
        return UInt16(dictionary.count - 1)
    }

    private mutating func entry(_ string: String, _ entries: inout [String: UInt16]) -> UInt16 {
        if let known = entries[string] { return known }
        let (offset, length) = append(string)
        dictionary.append(TextRange(offset: offset, length: UInt32(length)))
        entries[string] = UInt16(dictionary.count - 1)
        return UInt16(dictionary.count - 1)
    }
}

extension ContactProfile {
    /// As a decoder packs it.
    var packed: [UInt8] {
        var bytes: [UInt8] = [granted.map { $0 ? 1 : 2 } ?? 0, UInt8(channels.count)]
        for channel in channels {
            bytes += [channel.granted ? 1 : 2, UInt8(channel.name.utf8.count)] + Array(channel.name.utf8)
        }
        for text in [name, language, zone] {
            bytes += [UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)] + Array(text.utf8)
        }
        return bytes
    }
}
