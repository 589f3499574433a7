/// Why bytes are not a batch. Offsets count from the first byte given.
package enum CodecError: Error, Equatable {
    case unknownVersion(UInt8)
    /// The bytes end where more is needed.
    case truncated(offset: Int)
    /// A number is too long, or points beyond what there is.
    case outOfRange(offset: Int)
    /// The counts at the beginning disagree with what follows.
    case miscounted(offset: Int)
    /// Bytes are left behind the batch.
    case trailing(count: Int)
}

extension EventBatchCodec {
    /// The batch that `encode` has written: its ids at the front of `text` in the order of the rows, the
    /// dictionary's strings behind them, hashes and route empty. Never traps, whatever the bytes.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(CodecError) -> EventBatch {
        var reader = BatchReader(bytes)
        let version = try reader.byte()
        if version != Self.version { throw .unknownVersion(version) }
        let counts = try reader.counts()
        var batch = EventBatch()
        batch.lineCount = counts.lines
        batch.byteCount = counts.bytes
        batch.rows = [EventRow](repeating: EventRow(), count: counts.rows)
        batch.items = [ItemRow](repeating: ItemRow(), count: counts.items)
        batch.text = [UInt8](repeating: 0, count: counts.idBytes + counts.dictionaryBytes)
        try reader.dictionary(counts, into: &batch)
        try batch.rows.withUnsafeMutableBufferPointer { rows throws(CodecError) in
            try batch.items.withUnsafeMutableBufferPointer { items throws(CodecError) in
                try batch.text.withUnsafeMutableBufferPointer { text throws(CodecError) in
                    let text = UnsafeMutableRawBufferPointer(text)
                    var decoder = RowDecoder(reader: reader, counts: counts, items: items, text: text)
                    try decoder.decode(into: rows)
                    reader = decoder.reader
                }
            }
        }
        for _ in 0..<counts.rejections { batch.rejections.append(try reader.rejection()) }
        if reader.remaining > 0 { throw .trailing(count: reader.remaining) }
        return batch
    }
}

private struct BatchCounts {
    var lines: UInt32
    var bytes: Int
    var rows: Int
    var items: Int
    var dictionary: Int
    var rejections: Int
    var idBytes: Int
    var dictionaryBytes: Int
}

/// Reads numbers and bytes, looking at every bound.
private struct BatchReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    /// Nothing is allocated for more than the bytes that follow can hold.
    mutating func counts() throws(CodecError) -> BatchCounts {
        let lines = try number(below: UInt64(UInt32.max) + 1)
        let bytes = try number(below: 1 << 62)
        let rows = try number(below: UInt64(remaining / 5) + 1)
        let items = try number(below: UInt64(remaining / 2) + 1)
        let dictionary = try number(below: UInt64(min(remaining, Int(EventRow.absent))) + 1)
        let rejections = try number(below: UInt64(remaining / 4) + 1)
        let idBytes = try number(below: UInt64(min(remaining, 1 << 31)) + 1)
        let dictionaryBytes = try number(below: UInt64(min(remaining, 1 << 31)) + 1)
        return BatchCounts(
            lines: UInt32(lines), bytes: Int(bytes), rows: Int(rows), items: Int(items),
            dictionary: Int(dictionary), rejections: Int(rejections), idBytes: Int(idBytes),
            dictionaryBytes: Int(dictionaryBytes))
    }

    mutating func dictionary(_ counts: BatchCounts, into batch: inout EventBatch) throws(CodecError) {
        batch.dictionary.reserveCapacity(counts.dictionary)
        var next = counts.idBytes
        for _ in 0..<counts.dictionary {
            let length = Int(try number(below: UInt64(batch.text.count - next) + 1))
            batch.dictionary.append(TextRange(offset: UInt32(next), length: UInt32(length)))
            next += length
        }
        if next != batch.text.count { throw .miscounted(offset: offset) }
        let first = counts.idBytes
        let source = try take(counts.dictionaryBytes)
        batch.text.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[first...]).copyMemory(from: source)
        }
    }

    mutating func rejection() throws(CodecError) -> Rejection {
        let line = try number(below: UInt64(UInt32.max) + 1)
        guard let code = RejectionCode(rawValue: try byte()) else { throw .outOfRange(offset: offset - 1) }
        let detail = try take(Int(try number(below: UInt64(remaining) + 1)))
        let raw = try take(Int(try number(below: UInt64(remaining) + 1)))
        return Rejection(
            line: UInt32(line), code: code, detail: String(decoding: detail, as: UTF8.self), raw: Array(raw))
    }

    @inline(__always)
    mutating func byte() throws(CodecError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated(offset: offset) }
        defer { offset += 1 }
        return bytes[offset]
    }

    @inline(__always)
    mutating func number() throws(CodecError) -> UInt64 {
        let first = try byte()
        return first < 0x80 ? UInt64(first) : try longNumber(first)
    }

    private mutating func longNumber(_ first: UInt8) throws(CodecError) -> UInt64 {
        var value = UInt64(first & 0x7F)
        var shift: UInt64 = 7
        while true {
            let next = try byte()
            if shift == 63 && next > 1 { throw .outOfRange(offset: offset - 1) }
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    @inline(__always)
    mutating func number(below bound: UInt64) throws(CodecError) -> UInt64 {
        let at = offset
        let value = try number()
        if value >= bound { throw .outOfRange(offset: at) }
        return value
    }

    @inline(__always)
    mutating func signed() throws(CodecError) -> Int64 {
        let zigzag = try number()
        return Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
    }

    mutating func amount() throws(CodecError) -> Int64 {
        let at = offset
        let number = try number()
        var zeros = number & 7
        if zeros == EventBatchCodec.wholeAmount {
            if number != EventBatchCodec.wholeAmount { throw .outOfRange(offset: at) }
            return try signed()
        }
        let zigzag = number >> 3
        var amount = Int64(bitPattern: zigzag >> 1) ^ -Int64(bitPattern: zigzag & 1)
        while zeros > 0 {
            let (product, overflow) = amount.multipliedReportingOverflow(by: 10)
            if overflow { throw .outOfRange(offset: at) }
            amount = product
            zeros -= 1
        }
        return amount
    }

    @inline(__always)
    mutating func take(_ count: Int) throws(CodecError) -> UnsafeRawBufferPointer {
        guard count <= remaining else { throw .truncated(offset: offset) }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}

/// Fills rows and items that are there already.
private struct RowDecoder {
    var reader: BatchReader
    private let counts: BatchCounts
    private let items: UnsafeMutableBufferPointer<ItemRow>
    private let text: UnsafeMutableRawBufferPointer
    private var nextItem = 0
    private var nextText = 0

    init(
        reader: BatchReader, counts: BatchCounts, items: UnsafeMutableBufferPointer<ItemRow>,
        text: UnsafeMutableRawBufferPointer
    ) {
        self.reader = reader
        self.counts = counts
        self.items = items
        self.text = text
    }

    mutating func decode(into rows: UnsafeMutableBufferPointer<EventRow>) throws(CodecError) {
        var time: Int64 = 0
        var line: UInt32 = 0
        for index in rows.indices {
            try row(&rows[index], time: &time, line: &line)
        }
        if nextItem != items.count || nextText != counts.idBytes {
            throw .miscounted(offset: reader.offset)
        }
    }

    @inline(__always)
    private mutating func row(
        _ row: inout EventRow, time: inout Int64, line: inout UInt32
    ) throws(CodecError) {
        let head = try reader.byte()
        row.flags = head & EventBatchCodec.flagsMask
        try dimensions(&row)
        if head & EventBatchCodec.jumpBit != 0 { line = try jump(from: line) }
        row.line = line
        line &+= 1
        time = time &+ (try reader.signed())
        row.time = time
        (row.userOffset, row.userLength) = try id()
        if row.flags & EventFlags.hasID != 0 { (row.idOffset, row.idLength) = try id() }
        if row.flags & EventFlags.hasValue != 0 { row.value = try reader.amount() }
        if row.flags & EventFlags.hasDiscount != 0 { row.discount = try reader.amount() }
        if head & EventBatchCodec.itemsBit != 0 { try basket(&row) }
    }

    private mutating func jump(from line: UInt32) throws(CodecError) -> UInt32 {
        let at = reader.offset
        let (target, overflow) = Int64(line).addingReportingOverflow(try reader.signed())
        guard !overflow, let line = UInt32(exactly: target) else { throw .outOfRange(offset: at) }
        return line
    }

    @inline(__always)
    private mutating func dimensions(_ row: inout EventRow) throws(CodecError) {
        var mask = try reader.number(below: EventBatchCodec.itemNamesBit << 1)
        let hasContact = mask & EventBatchCodec.contactBit != 0
        let hasItemNames = mask & EventBatchCodec.itemNamesBit != 0
        mask &= EventBatchCodec.contactBit - 1
        row.name = try entry()
        while mask != 0 {
            let value = try entry()
            withUnsafeMutableBytes(of: &row.dimensions) {
                $0.storeBytes(of: value, toByteOffset: 2 * mask.trailingZeroBitCount, as: UInt16.self)
            }
            mask &= mask - 1
        }
        // Entries are fewer than 65,535.
        if hasContact { row.contact = try entry() + 1 }
        if hasItemNames { row.itemNames = try entry() + 1 }
    }

    @inline(__always)
    private mutating func entry() throws(CodecError) -> UInt16 {
        UInt16(truncatingIfNeeded: try reader.number(below: UInt64(counts.dictionary)))
    }

    @inline(__always)
    private mutating func id() throws(CodecError) -> (UInt32, UInt16) {
        let length = Int(try reader.number(below: UInt64(UInt16.max) + 1))
        if length > counts.idBytes - nextText { throw .miscounted(offset: reader.offset) }
        let source = try reader.take(length)
        UnsafeMutableRawBufferPointer(rebasing: text[nextText..<nextText + length]).copyMemory(from: source)
        defer { nextText += length }
        return (UInt32(truncatingIfNeeded: nextText), UInt16(truncatingIfNeeded: length))
    }

    private mutating func basket(_ row: inout EventRow) throws(CodecError) {
        let count = Int(try reader.number(below: UInt64(UInt16.max) + 1))
        if count == 0 || count > items.count - nextItem { throw .miscounted(offset: reader.offset) }
        row.itemsStart = UInt32(truncatingIfNeeded: nextItem)
        row.itemsCount = UInt16(truncatingIfNeeded: count)
        for _ in 0..<count {
            try item(&items[nextItem])
            nextItem += 1
        }
    }

    private mutating func item(_ item: inout ItemRow) throws(CodecError) {
        let head = try reader.byte()
        if head > 7 { throw .outOfRange(offset: reader.offset - 1) }
        (item.idOffset, item.idLength) = try id()
        if head & EventBatchCodec.categoryBit != 0 { item.category = try entry() }
        if head & EventBatchCodec.quantityBit != 0 { item.quantity = try reader.amount() }
        if head & EventBatchCodec.priceBit != 0 { item.price = try reader.amount() }
    }
}
