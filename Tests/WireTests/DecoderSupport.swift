import Core
import Wire

/// An event in words, for comparing.
struct PlainEvent: Equatable, CustomStringConvertible {
    var line: UInt32
    var time: String
    var user: [UInt8]
    var name: String
    var id: String?
    var value: Int64?
    var discount: Int64?
    var isPercent: Bool
    var coupon: UInt8
    var dimensions: [String: String]
    var items: [PlainItem]

    var userText: String { String(decoding: user, as: UTF8.self) }
    var description: String { "\(line) \(time) \(userText) \(name) \(value ?? -1) \(dimensions) \(items)" }
}

struct PlainItem: Equatable {
    var id: String
    var category: String?
    var quantity: Int64
    var price: Int64?
}

/// All that came out of a stream; lines count through it.
struct PlainLog: Equatable {
    var events: [PlainEvent] = []
    var rejections: [Rejection] = []
    var controls: [String] = []
    var lines: UInt32 = 0
    var bytes = 0

    var codes: [RejectionCode] { rejections.map(\.code) }
}

extension PlainLog {
    mutating func append(_ batch: EventBatch) {
        for row in batch.rows { events.append(plain(row, of: batch, line: lines + row.line)) }
        for rejection in batch.rejections {
            var moved = rejection
            moved.line += lines
            rejections.append(moved)
        }
        lines += batch.lineCount
        bytes += batch.byteCount
    }
}

func text(of batch: EventBatch, _ offset: UInt32, _ length: UInt16) -> String {
    String(decoding: batch.text[Int(offset)..<Int(offset) + Int(length)], as: UTF8.self)
}

func plain(_ row: EventRow, of batch: EventBatch, line: UInt32) -> PlainEvent {
    func has(_ flag: UInt8) -> Bool { row.flags & flag != 0 }
    let indices = withUnsafeBytes(of: row.dimensions) { Array($0.assumingMemoryBound(to: UInt16.self)) }
    var dimensions: [String: String] = [:]
    for dimension in Dimension.allCases where indices[dimension.rawValue] != EventRow.absent {
        dimensions[dimension.text] = batch.string(indices[dimension.rawValue])
    }
    let items = batch.items[Int(row.itemsStart)..<Int(row.itemsStart) + Int(row.itemsCount)].map { item in
        PlainItem(
            id: text(of: batch, item.idOffset, item.idLength),
            category: item.category == EventRow.absent ? nil : batch.string(item.category),
            quantity: item.quantity, price: item.price == ItemRow.noPrice ? nil : item.price)
    }
    return PlainEvent(
        line: line, time: EventTime(microseconds: row.time).description,
        user: Array(batch.text[Int(row.userOffset)..<Int(row.userOffset) + Int(row.userLength)]),
        name: batch.string(row.name),
        id: has(EventFlags.hasID) ? text(of: batch, row.idOffset, row.idLength) : nil,
        value: has(EventFlags.hasValue) ? row.value : nil,
        discount: has(EventFlags.hasDiscount) ? row.discount : nil,
        isPercent: has(EventFlags.discountIsPercent),
        coupon: (row.flags & EventFlags.couponMask) >> EventFlags.couponShift,
        dimensions: dimensions, items: items)
}

/// Calls back with the bytes where they have the padding that the decoder needs.
func withSlab<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let padded = bytes + [UInt8](repeating: 0x22, count: EventDecoder.padding)
    return padded.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<bytes.count])) }
}

/// Decodes one slab to its end, control lines and full batches included.
func decode(
    slab: UnsafeRawBufferPointer, isStreamStart: Bool, with decoder: inout EventDecoder,
    into log: inout PlainLog
) {
    var at = 0
    while at < slab.count {
        let rest = UnsafeRawBufferPointer(rebasing: slab[at...])
        let decoded = decoder.decode(slab: rest, isStreamStart: isStreamStart && at == 0)
        log.append(decoded.batch)
        if case .control(let range) = decoded.stop {
            log.controls.append(String(decoding: rest[range], as: UTF8.self))
        }
        if decoded.stop == .end { precondition(decoded.consumed == rest.count) }
        precondition(decoded.consumed > 0)
        at += decoded.consumed
    }
}

/// Decodes a whole stream in one slab.
func decoded(_ bytes: [UInt8], _ settings: Settings = Settings()) -> PlainLog {
    var decoder = EventDecoder(settings: settings)
    var log = PlainLog()
    withSlab(bytes) { decode(slab: $0, isStreamStart: true, with: &decoder, into: &log) }
    return log
}

func decoded(_ text: String, _ settings: Settings = Settings()) -> PlainLog {
    decoded(Array(text.utf8), settings)
}

/// A line of the required fields and others.
func line(_ more: String = "", user: String = "\"u\"", time: String = "1", name: String = "\"login\"")
    -> String
{
    "{\"user_id\":\(user),\"ts\":\(time),\"event\":\(name)\(more.isEmpty ? "" : ",")\(more)}\n"
}

func accepted(_ text: String, _ settings: Settings = Settings()) -> PlainEvent? {
    let log = decoded(text, settings)
    return log.rejections.isEmpty && log.events.count == 1 ? log.events[0] : nil
}

func refused(_ text: String, _ settings: Settings = Settings()) -> Rejection? {
    let log = decoded(text, settings)
    return log.events.isEmpty && log.rejections.count == 1 ? log.rejections[0] : nil
}

extension Limits {
    static func with(_ change: (inout Limits) -> Void) -> Limits {
        var limits = Limits()
        change(&limits)
        return limits
    }
}

extension Settings {
    static func with(_ change: (inout Settings) -> Void) -> Settings {
        var settings = Settings()
        change(&settings)
        return settings
    }
}
