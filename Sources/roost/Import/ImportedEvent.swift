import Core

/// What one row says; those of one basket are put together into one event.
struct ImportedEvent: Equatable {
    var time: EventTime
    /// Members of the line that a basket has from its first row.
    var head: [UInt8]
    /// The same for all rows of a basket; empty: the row is an event of its own.
    var basket: [UInt8] = []
    /// Millionths.
    var value: Int64?
    /// The value is what this row adds to its basket.
    var isPart = false
    var coupon = Coupon.none
    /// An element of `items`.
    var item: [UInt8] = []

    /// In a basket the greatest counts.
    enum Coupon: UInt8 {
        case none
        case notUsed
        case clicked
        case used

        init?(_ text: String) {
            switch text {
            case "not_used": self = .notUsed
            case "clicked": self = .clicked
            case "used": self = .used
            default: return nil
            }
        }

        var text: StaticString? {
            switch self {
            case .none: nil
            case .notUsed: "not_used"
            case .clicked: "clicked"
            case .used: "used"
            }
        }
    }

    /// Takes a further row of the same basket in.
    mutating func add(_ other: ImportedEvent) {
        time = min(time, other.time)
        if let more = other.value, other.isPart {
            value = (value ?? 0) &+ more
        } else {
            value = value ?? other.value
        }
        if other.coupon.rawValue > coupon.rawValue { coupon = other.coupon }
        guard !other.item.isEmpty else { return }
        if !item.isEmpty { item.append(UInt8(ascii: ",")) }
        item += other.item
    }

    /// The line of the contract's canonical fields, with its newline.
    var line: [UInt8] {
        var writer = JSONWriter(capacity: head.count + item.count + 160)
        writer.beginObject()
        writer.key("event_timestamp")
        writer.value(time)
        writer.raw(head)
        if let text = coupon.text {
            writer.key("coupon")
            writer.value("\(text)")
        }
        if let value {
            writer.key("value")
            writer.value(millionths: value)
        }
        if !item.isEmpty {
            writer.key("items")
            writer.beginArray()
            writer.raw(item)
            writer.endArray()
        }
        writer.endObject()
        writer.newline()
        return writer.bytes
    }
}

// MARK: On their way through the sorting by basket

extension ImportedEvent {
    func encoded(line: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(head.count + item.count + 40)
        func put(_ number: Int64) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        put(Int64(line))
        put(time.microseconds)
        put(value ?? .min)
        bytes.append(isPart ? 1 : 0)
        bytes.append(coupon.rawValue)
        put(Int64(head.count))
        bytes += head
        bytes += item
        return bytes
    }

    /// - Precondition: `bytes` come from `encoded`.
    static func decoded(_ bytes: ArraySlice<UInt8>, basket: ArraySlice<UInt8>) -> (
        event: ImportedEvent, line: Int
    ) {
        var rest = bytes
        func take() -> Int64 {
            defer { rest = rest.dropFirst(8) }
            return rest.withUnsafeBytes { Int64(littleEndian: $0.loadUnaligned(as: Int64.self)) }
        }
        let line = Int(take())
        let time = EventTime(microseconds: take())
        let value = take()
        let isPart = rest.removeFirst() == 1
        guard let coupon = Coupon(rawValue: rest.removeFirst()) else {
            preconditionFailure("a record of an import is not as it was written")
        }
        let headCount = Int(take())
        let event = ImportedEvent(
            time: time, head: Array(rest.prefix(headCount)), basket: Array(basket),
            value: value == .min ? nil : value, isPart: isPart, coupon: coupon,
            item: Array(rest.dropFirst(headCount)))
        return (event, line)
    }
}
