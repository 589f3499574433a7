/// Compact bytes of an `EventBatch` for the journal: rows, items, dictionary, text and rejections, without
/// what `seal` computes.
///
/// Version 1, all numbers LEB128: version byte; counts of lines, bytes, rows, items, dictionary entries,
/// rejections, bytes of ids, bytes of the dictionary; the dictionary's lengths, then its text; rows, each
/// followed by its items; rejections. A row is
/// - a byte: `EventRow.flags` (6 bits), bit 6 items follow, bit 7 its line is not the one after the last;
/// - a mask of the dimensions present, bit 12: what it says of consent and profile, bit 13: names of its items;
///   name; the dimensions; the entries of these; time less the previous row's;
/// - user, id, value, discount, count of items, as far as the first byte says.
///
/// Signed numbers are zigzag. Money is its mantissa without trailing zeros (at most six) and their number.
/// Encoding and decoding are O(bytes) and allocate per batch, not per row.
package enum EventBatchCodec {
    package static let version: UInt8 = 1

    static let itemsBit: UInt8 = 1 << 6
    static let jumpBit: UInt8 = 1 << 7
    static let flagsMask: UInt8 = itemsBit - 1
    static let dimensionCount = 12
    static let contactBit: UInt64 = 1 << 12
    static let itemNamesBit: UInt64 = 1 << 13

    static let priceBit: UInt8 = 1
    static let categoryBit: UInt8 = 2
    static let quantityBit: UInt8 = 4

    /// Last three bits of an amount: 0...6 trailing zeros cut; 7: the number follows whole.
    static let wholeAmount: UInt64 = 7

    /// Appends the batch's bytes to `out`.
    package static func encode(_ batch: EventBatch, into out: inout [UInt8]) {
        if out.isEmpty { out = encoded(batch) } else { out += encoded(batch) }
    }

    /// The batch's bytes.
    package static func encoded(_ batch: EventBatch) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: encodedSizeBound(batch)) { bytes, written in
            batch.text.withUnsafeBytes { text in
                var encoder = BatchEncoder(to: UnsafeMutableRawBufferPointer(bytes), text: text)
                encoder.encode(batch)
                written = encoder.count
            }
        }
    }

    /// No batch takes more: every number at its longest.
    private static func encodedSizeBound(_ batch: EventBatch) -> Int {
        // First byte, mask, name, dimensions, line, time, lengths of user and id, amounts, count of items.
        let row = 1 + 2 + 3 + 3 * (dimensionCount + 2) + 5 + 10 + 3 + 3 + 11 + 11 + 3
        let item = 1 + 3 + 3 + 11 + 11
        var bytes =
            1 + 8 * 10 + batch.rows.count * row + batch.items.count * item + batch.dictionary.count * 5
        for row in batch.rows { bytes += Int(row.userLength) + Int(row.idLength) }
        for item in batch.items { bytes += Int(item.idLength) }
        for entry in batch.dictionary { bytes += Int(entry.length) }
        for rejection in batch.rejections {
            bytes += 5 + 1 + 20 + rejection.detail.utf8.count + rejection.raw.count
        }
        return bytes
    }
}

/// Writes one batch into memory that is large enough.
private struct BatchEncoder {
    private let out: UnsafeMutableRawBufferPointer
    private let text: UnsafeRawBufferPointer
    private(set) var count = 0

    init(to out: UnsafeMutableRawBufferPointer, text: UnsafeRawBufferPointer) {
        self.out = out
        self.text = text
    }

    mutating func encode(_ batch: EventBatch) {
        put(EventBatchCodec.version)
        putHeader(batch)
        for entry in batch.dictionary { putNumber(UInt64(entry.length)) }
        for entry in batch.dictionary { putText(entry.offset, Int(entry.length)) }
        batch.items.withUnsafeBufferPointer { items in
            batch.rows.withUnsafeBufferPointer { rows in
                var previousTime: Int64 = 0
                var expectedLine: UInt32 = 0
                for index in rows.indices {
                    putRow(rows[index], previousTime: previousTime, expectedLine: expectedLine)
                    putItems(of: rows[index], items)
                    previousTime = rows[index].time
                    expectedLine = rows[index].line &+ 1
                }
            }
        }
        for rejection in batch.rejections { putRejection(rejection) }
    }

    private mutating func putHeader(_ batch: EventBatch) {
        var ids = 0
        var items = 0
        for row in batch.rows {
            ids += Int(row.userLength)
            if row.flags & EventFlags.hasID != 0 { ids += Int(row.idLength) }
            items += Int(row.itemsCount)
            for item in batch.items[Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount)] {
                ids += Int(item.idLength)
            }
        }
        precondition(items == batch.items.count, "items of a batch belong to one row each")
        putNumber(UInt64(batch.lineCount))
        putNumber(UInt64(batch.byteCount))
        putNumber(UInt64(batch.rows.count))
        putNumber(UInt64(items))
        putNumber(UInt64(batch.dictionary.count))
        putNumber(UInt64(batch.rejections.count))
        putNumber(UInt64(ids))
        putNumber(batch.dictionary.reduce(0) { $0 + UInt64($1.length) })
    }

    @inline(__always)
    private mutating func putRow(_ row: EventRow, previousTime: Int64, expectedLine: UInt32) {
        var head = row.flags & EventBatchCodec.flagsMask
        if row.itemsCount > 0 { head |= EventBatchCodec.itemsBit }
        if row.line != expectedLine { head |= EventBatchCodec.jumpBit }
        put(head)
        putDimensions(row)
        if row.line != expectedLine { putSigned(Int64(row.line) - Int64(expectedLine)) }
        putSigned(row.time &- previousTime)
        putNumber(UInt64(row.userLength))
        putText(row.userOffset, Int(row.userLength))
        if row.flags & EventFlags.hasID != 0 {
            putNumber(UInt64(row.idLength))
            putText(row.idOffset, Int(row.idLength))
        }
        if row.flags & EventFlags.hasValue != 0 { putAmount(row.value) }
        if row.flags & EventFlags.hasDiscount != 0 { putAmount(row.discount) }
        if row.itemsCount > 0 { putNumber(UInt64(row.itemsCount)) }
    }

    /// Mask, name, and those that are present.
    @inline(__always)
    private mutating func putDimensions(_ row: EventRow) {
        withUnsafeBytes(of: row.dimensions) { raw in
            let values = raw.assumingMemoryBound(to: UInt16.self)
            var mask: UInt64 = 0
            for index in 0..<EventBatchCodec.dimensionCount where values[index] != EventRow.absent {
                mask |= 1 << UInt64(index)
            }
            var said = mask
            if row.contact != 0 { said |= EventBatchCodec.contactBit }
            if row.itemNames != 0 { said |= EventBatchCodec.itemNamesBit }
            putNumber(said)
            putNumber(UInt64(row.name))
            while mask != 0 {
                putNumber(UInt64(values[mask.trailingZeroBitCount]))
                mask &= mask - 1
            }
            if row.contact != 0 { putNumber(UInt64(row.contact) - 1) }
            if row.itemNames != 0 { putNumber(UInt64(row.itemNames) - 1) }
        }
    }

    private mutating func putItems(of row: EventRow, _ items: UnsafeBufferPointer<ItemRow>) {
        let first = Int(row.itemsStart)
        for index in first..<first + Int(row.itemsCount) {
            let item = items[index]
            var head: UInt8 = 0
            if item.price != ItemRow.noPrice { head |= EventBatchCodec.priceBit }
            if item.category != EventRow.absent { head |= EventBatchCodec.categoryBit }
            if item.quantity != 1_000_000 { head |= EventBatchCodec.quantityBit }
            put(head)
            putNumber(UInt64(item.idLength))
            putText(item.idOffset, Int(item.idLength))
            if item.category != EventRow.absent { putNumber(UInt64(item.category)) }
            if item.quantity != 1_000_000 { putAmount(item.quantity) }
            if item.price != ItemRow.noPrice { putAmount(item.price) }
        }
    }

    private mutating func putRejection(_ rejection: Rejection) {
        putNumber(UInt64(rejection.line))
        put(rejection.code.rawValue)
        var detail = rejection.detail
        detail.withUTF8 { utf8 in
            putNumber(UInt64(utf8.count))
            putBytes(UnsafeRawBufferPointer(utf8))
        }
        rejection.raw.withUnsafeBytes { raw in
            putNumber(UInt64(raw.count))
            putBytes(raw)
        }
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        out[count] = byte
        count += 1
    }

    @inline(__always)
    private mutating func putNumber(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    private mutating func putSigned(_ number: Int64) {
        putNumber(UInt64(bitPattern: (number << 1) ^ (number >> 63)))
    }

    private mutating func putAmount(_ amount: Int64) {
        var mantissa = amount
        var zeros: UInt64 = 0
        let (whole, rest) = amount.quotientAndRemainder(dividingBy: 1_000_000)
        if rest == 0 {
            mantissa = whole
            zeros = 6
        } else {
            while mantissa % 10 == 0 {
                mantissa /= 10
                zeros += 1
            }
        }
        let zigzag = UInt64(bitPattern: (mantissa << 1) ^ (mantissa >> 63))
        if zigzag >> 61 == 0 {
            putNumber(zigzag << 3 | zeros)
        } else {
            putNumber(EventBatchCodec.wholeAmount)
            putSigned(amount)
        }
    }

    @inline(__always)
    private mutating func putText(_ offset: UInt32, _ length: Int) {
        putBytes(UnsafeRawBufferPointer(rebasing: text[Int(offset)..<Int(offset) + length]))
    }

    @inline(__always)
    private mutating func putBytes(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: out[count..<count + bytes.count]).copyMemory(from: bytes)
        count += bytes.count
    }
}
