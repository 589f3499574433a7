/// The string dimensions of an event, in the order in which `EventRow` keeps them.
package enum Dimension: Int, CaseIterable, Sendable {
    case device, media, type, channel, paymentMethod, gender, ageBand, region
    case promoCode, partner, store, searchTerm

    /// Name in the contract.
    package var text: String {
        switch self {
        case .device: "device"
        case .media: "media"
        case .type: "type"
        case .channel: "channel"
        case .paymentMethod: "payment_method"
        case .gender: "gender"
        case .ageBand: "age_band"
        case .region: "region"
        case .promoCode: "promo_code"
        case .partner: "partner"
        case .store: "store"
        case .searchTerm: "search_term"
        }
    }
}

/// What `EventRow.flags` says.
package enum EventFlags {
    /// The line gave a value (for purchase and refund also where it follows from the items).
    @inlinable @inline(__always) package static var hasValue: UInt8 { 1 << 0 }
    @inlinable @inline(__always) package static var hasDiscount: UInt8 { 1 << 1 }
    /// `discount` is a percentage, not money.
    @inlinable @inline(__always) package static var discountIsPercent: UInt8 { 1 << 2 }
    @inlinable @inline(__always) package static var hasID: UInt8 { 1 << 3 }
    /// Two bits: 0 no coupon field, 1 used, 2 not used, 3 clicked.
    @inlinable @inline(__always) package static var couponShift: UInt8 { 4 }
    @inlinable @inline(__always) package static var couponMask: UInt8 { 3 << 4 }
}

/// One decoded event: plain, of fixed size, pointing into the batch that owns it.
///
/// The decoder's C side fills the same layout; `EventRow.stride` is checked against it at start.
@frozen
package struct EventRow: Sendable, BitwiseCopyable {
    /// Event time, microseconds since the epoch.
    package var time: Int64 = 0
    /// Money in millionths, valid where `hasValue`.
    package var value: Int64 = 0
    /// Millionths of money or of a percent, valid where `hasDiscount`.
    package var discount: Int64 = 0
    /// Keyed hash of the user id, for the slot within its partition; filled by `EventBatch.seal`.
    package var userHash: UInt64 = 0
    /// User id in `text`.
    package var userOffset: UInt32 = 0
    /// Event id in `text`, valid where `hasID`.
    package var idOffset: UInt32 = 0
    /// First of the event's items in `items`.
    package var itemsStart: UInt32 = 0
    /// Index of the line among the data lines of the batch.
    package var line: UInt32 = 0
    package var userLength: UInt16 = 0
    package var idLength: UInt16 = 0
    package var itemsCount: UInt16 = 0
    /// Event name: index into the batch's dictionary.
    package var name: UInt16 = 0
    /// Values of the dimensions: indices into the batch's dictionary, `EventRow.absent` where null.
    package var dimensions:
        (
            UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16
        ) = (
            0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF
        )
    package var flags: UInt8 = 0
    /// murmur2 of the user id, modulo 64; filled by `EventBatch.seal`.
    package var partition: UInt8 = 0
    /// What the event says of consent and profile: entry of the batch's dictionary + 1, which
    /// `ContactProfile(packed:)` reads; 0: nothing.
    package var contact: UInt16 = 0
    /// The names of its items: entry of the batch's dictionary + 1, which `EventBatch.itemNames(of:)` reads; 0: none
    /// has one.
    package var itemNames: UInt16 = 0
    package var spare: UInt16 = 0
    package var reserved: (UInt32, UInt32) = (0, 0)

    @inlinable @inline(__always) package static var absent: UInt16 { 0xFFFF }

    @inlinable package init() {}
}

/// One line of a basket.
@frozen
package struct ItemRow: Sendable, BitwiseCopyable {
    /// Millionths of a piece.
    package var quantity: Int64 = 1_000_000
    /// Money in millionths, `ItemRow.noPrice` where not given.
    package var price: Int64 = ItemRow.noPrice
    /// Item id in `text`.
    package var idOffset: UInt32 = 0
    package var idLength: UInt16 = 0
    /// Category: index into the batch's dictionary, `EventRow.absent` where not given.
    package var category: UInt16 = EventRow.absent

    @inlinable @inline(__always) package static var noPrice: Int64 { .min }

    @inlinable package init() {}
}

/// A string of the batch's dictionary: bytes in `text`.
@frozen
package struct TextRange: Sendable, BitwiseCopyable, Equatable {
    package var offset: UInt32
    package var length: UInt32

    @inlinable
    package init(offset: UInt32, length: UInt32) {
        self.offset = offset
        self.length = length
    }
}

/// Events of one connection in the order of their lines, decoded, with everything they point to.
///
/// A batch crosses every boundary whole: connection, journal, shards. Strings that repeat (names,
/// media, categories) are entries of `dictionary`, in the order in which the rows first use them;
/// ids are bytes in `text`.
package struct EventBatch: Sendable {
    package var rows: [EventRow] = []
    package var items: [ItemRow] = []
    package var dictionary: [TextRange] = []
    package var text: [UInt8] = []
    /// Lines that could not be used, ascending by line.
    package var rejections: [Rejection] = []
    /// Data lines in the batch: rows + rejections.
    package var lineCount: UInt32 = 0
    /// Bytes of the lines, newlines included.
    package var byteCount: Int = 0
    /// What the batch was decoded from, where the clock may still refuse a line in the order of the log;
    /// empty otherwise. Not written to the journal.
    package var source: [UInt8] = []
    /// Data lines of `source` before the batch's own.
    package var sourceSkipped: UInt32 = 0
    /// Rows by partition, in order; empty until sealed.
    package var route = Route()

    package init() {}

    package var isEmpty: Bool { lineCount == 0 }
}

/// The rows of a batch by partition: those of partition `p` are
/// `order[starts[p]..<starts[p + 1]]`, ascending.
package struct Route: Sendable {
    /// Shape `[Partitioning.count + 1]`, or empty.
    package var starts: [UInt32] = []
    package var order: [UInt32] = []

    package init() {}
}

extension EventBatch {
    /// Computes partition and hash of every row and groups the rows by partition. O(rows).
    ///
    /// - Parameter key: secret of this process, so that ids cannot be chosen to collide.
    package mutating func seal(key: HashKey) {
        let count = rows.count
        route.starts = [UInt32](repeating: 0, count: Partitioning.count + 1)
        route.order = [UInt32](repeating: 0, count: count)
        text.withUnsafeBytes { text in
            rows.withUnsafeMutableBufferPointer { rows in
                route.starts.withUnsafeMutableBufferPointer { starts in
                    for index in 0..<count {
                        let id = UnsafeRawBufferPointer(
                            rebasing: text[
                                Int(
                                    rows[index].userOffset)..<Int(rows[index].userOffset)
                                    + Int(rows[index].userLength)])
                        let partition = Partitioning.partition(of: id)
                        rows[index].partition = UInt8(truncatingIfNeeded: partition)
                        rows[index].userHash = key.hash(id)
                        starts[partition + 1] &+= 1
                    }
                    for partition in 0..<Partitioning.count { starts[partition + 1] &+= starts[partition] }
                }
            }
        }
        var next = route.starts
        rows.withUnsafeBufferPointer { rows in
            next.withUnsafeMutableBufferPointer { next in
                route.order.withUnsafeMutableBufferPointer { order in
                    for index in 0..<count {
                        let partition = Int(rows[index].partition)
                        order[Int(next[partition])] = UInt32(truncatingIfNeeded: index)
                        next[partition] &+= 1
                    }
                }
            }
        }
    }

    /// Drops the items that no row owns any more, after rows were taken out.
    package mutating func dropUnownedItems() {
        var kept: [ItemRow] = []
        for index in rows.indices where rows[index].itemsCount > 0 {
            let start = Int(rows[index].itemsStart)
            rows[index].itemsStart = UInt32(kept.count)
            kept.append(contentsOf: items[start..<start + Int(rows[index].itemsCount)])
        }
        items = kept
    }

    /// Dictionary entry as a string.
    package func string(_ index: UInt16) -> String {
        let range = dictionary[Int(index)]
        return String(
            decoding: text[Int(range.offset)..<Int(range.offset) + Int(range.length)], as: UTF8.self)
    }

    package func user(of row: EventRow) -> String {
        String(
            decoding: text[Int(row.userOffset)..<Int(row.userOffset) + Int(row.userLength)], as: UTF8.self)
    }
}
