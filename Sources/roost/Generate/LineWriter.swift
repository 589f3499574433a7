import Core

/// Bytes on their way out, in pieces of a few megabytes. Owns its buffer.
struct OutputBuffer: ~Copyable {
    private static let size = 4 << 20
    private let base: UnsafeMutablePointer<UInt8>
    private var count = 0
    /// Nil: counts and drops, for a bench.
    private let descriptor: Int32?
    private(set) var written: Int64 = 0

    init(descriptor: Int32?) {
        base = .allocate(capacity: Self.size)
        self.descriptor = descriptor
    }

    deinit { base.deallocate() }

    /// Makes room for a line of at most `bytes`.
    mutating func reserve(_ bytes: Int) throws(SystemFailure) {
        if count + bytes > Self.size { try flush() }
    }

    mutating func flush() throws(SystemFailure) {
        if let descriptor {
            try File(borrowing: descriptor).write(UnsafeRawBufferPointer(start: base, count: count))
        }
        written += Int64(count)
        count = 0
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        base[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        (base + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            (base + count).update(from: start, count: source.count)
        }
        count &+= bytes.count
    }

    /// With leading zeros.
    @inline(__always)
    mutating func append(_ number: UInt64, digits: Int) {
        var rest = number
        var position = digits &- 1
        while position >= 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            base[count &+ position] = 48 &+ UInt8(truncatingIfNeeded: digit)
            rest = quotient
            position &-= 1
        }
        count &+= digits
    }

    @inline(__always)
    mutating func append(_ number: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while number >= bound {
            digits &+= 1
            bound &*= 10
        }
        append(number, digits: digits)
    }
}

/// Writes the planned events as lines of the contract's canonical fields.
struct LineWriter {
    private let media: [[UInt8]]
    private let names: [[UInt8]]
    private let start: Int64
    private let ids: Bool
    private var day: Int64 = .min
    private var dayText: [UInt8] = []

    /// More than any line takes.
    private static let longest = 4096
    private static let itemCount = 12_000.0
    private static let categories: [StaticString] = [
        "skincare", "makeup", "마스크팩", "hair", "body", "향수", "food", "supplement", "home", "kitchen",
        "여성의류", "men", "kids", "pet", "문구/사무", "digital",
    ]

    init(shape: LogShape, seasons: Seasons, ids: Bool) {
        start = seasons.start
        self.ids = ids
        media = shape.media.map { medium in
            Array("\"media\":\"\(medium.name)\",\"type\":\"\(medium.isAd ? "ad" : "non_ad")\"".utf8)
        }
        names = LogShape.Name.allCases.map { Array("\",\"event_name\":\"\($0.text)\",".utf8) }
    }

    mutating func write(
        _ event: PlannedEvent, index: Int, firstSeen: Int64, values: borrowing [UInt32],
        to out: inout OutputBuffer
    ) throws(SystemFailure) {
        try out.reserve(Self.longest)
        writeTime(start + event.time, to: &out)
        out.append("\",\"user_pseudo_id\":\"")
        writeUser(event.user, firstSeen: firstSeen, to: &out)
        out.append(names[event.name])
        if ids {
            out.append("\"event_id\":\"e")
            out.append(UInt64(index))
            out.append("\",")
        }
        let isPurchase = event.name == LogShape.Name.purchase.rawValue
        var basket = Randomness(seed: event.key ^ event.payload &* 0x9E37_79B9_7F4A_7C15)
        if isPurchase {
            let value = UInt64(values[Int(event.detail)])
            out.append("\"purchase_value\":")
            out.append(value)
            out.append(",")
            writeSource(event, to: &out)
            writeItems(worth: value, &basket, to: &out)
        } else {
            writeSource(event, to: &out)
            if event.name == LogShape.Name.addToCart.rawValue {
                writeItems(worth: 9_900 + 10 * UInt64(basket.below(6_000)), &basket, to: &out)
            }
        }
        out.append("}\n")
    }

    private mutating func writeTime(_ time: Int64, to out: inout OutputBuffer) {
        let (newDay, rest) = time.flooredDivision(by: Microseconds.day)
        if newDay != day {
            day = newDay
            dayText = Array("{\"event_timestamp\":\"\(CalendarDate(dayNumber: Int32(newDay)).text)T".utf8)
        }
        out.append(dayText)
        let (seconds, fraction) = UInt64(rest).quotientAndRemainder(dividingBy: 1_000_000)
        out.append(seconds / 3600, digits: 2)
        out.append(UInt8(ascii: ":"))
        out.append(seconds / 60 % 60, digits: 2)
        out.append(UInt8(ascii: ":"))
        out.append(seconds % 60, digits: 2)
        out.append(UInt8(ascii: "."))
        out.append(fraction, digits: 6)
        out.append(UInt8(ascii: "Z"))
    }

    /// `1000002345.1719800000`: a number of the browser, different for each user, and the second it was
    /// first seen.
    private func writeUser(_ user: Int, firstSeen: Int64, to out: inout OutputBuffer) {
        // Multiplying by an odd number permutes the numbers below 2^30.
        let browser = (UInt64(user) &* 0x5851_F42D_4C95_7F2D &+ 2345) & (1 << 30 - 1)
        out.append(1_000_000_000 + browser, digits: 10)
        out.append(UInt8(ascii: "."))
        out.append(UInt64(max(0, firstSeen)))
    }

    private func writeSource(_ event: PlannedEvent, to out: inout OutputBuffer) {
        if event.isDesktop {
            out.append("\"device\":\"desktop\",")
        } else {
            out.append("\"device\":\"mobile\",")
        }
        out.append(media[Int(event.medium)])
    }

    /// One to three items whose prices times quantities add up to the worth, a multiple of ten.
    private func writeItems(worth: UInt64, _ basket: inout Randomness, to out: inout OutputBuffer) {
        let dice = basket.uniform()
        let count: UInt64 = dice < 0.55 ? 1 : dice < 0.86 ? 2 : 3
        var left = worth
        out.append(",\"items\":[")
        for index in 0..<count {
            let isLast = index == count - 1
            var quantity: UInt64 = basket.uniform() < 0.15 ? 2 : 1
            let part = isLast ? left : left / (count - index) / 20 * 20
            if part % (quantity * 10) != 0 || part == 0 { quantity = 1 }
            left -= part
            if index > 0 { out.append(UInt8(ascii: ",")) }
            let popularity = basket.uniform()
            let item = UInt64(Self.itemCount * popularity * popularity)
            out.append("{\"item_id\":\"PD")
            out.append(item, digits: 5)
            out.append("\",\"item_category\":\"")
            out.append(Self.categories[Int(item % UInt64(Self.categories.count))])
            out.append("\",\"quantity\":")
            out.append(quantity)
            out.append(",\"price\":")
            out.append(part / quantity)
            out.append("}")
        }
        out.append("]")
    }
}
