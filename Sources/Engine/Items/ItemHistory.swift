import Core

/// One item of a purchase on its way to the user's history: partition's string numbers and money.
struct ItemMark: BitwiseCopyable {
    var item: UInt32
    /// `ItemEntry.noCategory` where not given.
    var category: UInt32
    /// Millionths; 0 where the price is not given.
    var amount: Int64
}

/// A number above 0 to three significant digits in 16 bits: ten of digits, six of a power of ten.
struct ShortNumber: BitwiseCopyable {
    private var bits: UInt16 = 0
    private static let bias = 32

    /// Of no meaning.
    init() {}

    /// - Parameter value: 10⁻¹⁵ to 10¹⁵; what lies beyond is taken for these.
    init(_ value: Double) {
        var digits = min(max(value, 1e-15), 1e15)
        var power = 0
        while digits >= 999.5 {
            digits /= 10
            power += 1
        }
        while digits < 99.95 {
            digits *= 10
            power -= 1
        }
        bits = UInt16(digits.rounded()) << 6 | UInt16(power + Self.bias)
    }

    var value: Double {
        let power = Int(bits & 63) - Self.bias
        let scale = (0..<abs(power)).reduce(1.0) { product, _ in product * 10 }
        let digits = Double(bits >> 6)
        return power < 0 ? digits / scale : digits * scale
    }
}

/// What is known of one item that a user bought: 48 bytes.
struct ItemEntry: BitwiseCopyable {
    var lastTime: Int64
    /// Money, millionths.
    var amount: Int64
    var item: UInt32
    var category: UInt32
    var firstDay: Int32
    var lastDay: Int32
    /// Purchases of it, up to the most that fits.
    var purchases: UInt16
    /// Distinct days among them, likewise.
    var days: UInt16
    /// 1 once its falling due again was told since `lastTime`.
    var told: UInt8 = 0
    /// What a forecast said at the last purchase: in how many days most of it will be wanted, 0 where it said nothing,
    /// and how many pieces.
    private var peak: (ahead: UInt8, pieces: ShortNumber) = (0, ShortNumber())

    static let noCategory = UInt32.max
    /// Days on which an item must have been bought before its own interval says anything.
    static let leastDays: UInt16 = 3

    init(_ mark: ItemMark, time: Int64, day: Int32) {
        lastTime = time
        amount = mark.amount
        item = mark.item
        category = mark.category
        firstDay = day
        lastDay = day
        purchases = 1
        days = 1
    }

    /// Mean interval between the days it was bought on, microseconds; nil where these are too few.
    var interval: Int64? {
        days < Self.leastDays
            ? nil : Int64(lastDay - firstDay) * Microseconds.day / Int64(days - 1)
    }

    /// From the last purchase to when it falls due again, microseconds: what was foretold, else its own interval.
    var wait: Int64? { peak.ahead == 0 ? interval : Int64(peak.ahead) * Microseconds.day }

    /// When it falls due again.
    var due: Int64? { wait.map { lastTime + $0 } }

    /// Pieces that were foretold for then; nil where its interval decides.
    var expected: Double? { peak.ahead == 0 ? nil : peak.pieces.value }

    /// Takes what a forecast says after the last purchase.
    ///
    /// - Parameter ahead: days, at most 255.
    mutating func expect(_ pieces: Double, after ahead: Int) {
        peak = (UInt8(ahead), ShortNumber(pieces))
    }

    /// Its own interval decides.
    mutating func expectNothing() { peak = (0, ShortNumber()) }

    /// One purchase more.
    ///
    /// - Returns: whether it was not bought on that day as far as is known.
    mutating func add(_ mark: ItemMark, time: Int64, day: Int32) -> Bool {
        if purchases < .max { purchases += 1 }
        amount = saturatingSum(amount, mark.amount)
        if mark.category != Self.noCategory { category = mark.category }
        if time > lastTime {
            lastTime = time
            told = 0
            expectNothing()
        }
        if day == lastDay || day == firstDay { return false }
        if days < .max { days += 1 }
        firstDay = min(firstDay, day)
        lastDay = max(lastDay, day)
        return true
    }
}

/// Where the items of a user stand in the partition's pool.
struct ItemHead: BitwiseCopyable {
    /// `UInt32.max` once the user is erased.
    var slot: UInt32
    var block: UInt32 = 0
    var count: UInt16 = 0
    var sizeClass: UInt8 = 0
    var spare: UInt8 = 0
}

/// Which users have items: 12 bytes for each, and 4 for every buyer of a partition in which anybody has.
struct ItemHistory: ~Copyable {
    private(set) var heads = Slab<ItemHead>()
    /// Index + 1 of an account's head; 0: none.
    private var places: [UInt32] = []

    init() {}

    var isEmpty: Bool { heads.count == 0 }
    var byteCount: Int { heads.byteCount + places.capacity * 4 }

    /// - Parameter account: number of the user's account + 1, 0 for who has none.
    func head(_ account: UInt32) -> UnsafeMutablePointer<ItemHead>? {
        guard account != 0, Int(account) <= places.count, places[Int(account) - 1] != 0 else { return nil }
        return heads[Int(places[Int(account) - 1]) - 1]
    }

    mutating func makeHead(_ account: UInt32, slot: Int) -> UnsafeMutablePointer<ItemHead> {
        if let known = head(account) { return known }
        let index = heads.append(ItemHead(slot: UInt32(truncatingIfNeeded: slot)))
        place(account, UInt32(index + 1))
        return heads[index]
    }

    private mutating func place(_ account: UInt32, _ number: UInt32) {
        if places.count < Int(account) {
            if places.capacity < Int(account) { places.reserveCapacity(Int(account) + Int(account) / 4 + 16) }
            places.append(contentsOf: repeatElement(0, count: Int(account) - places.count))
        }
        places[Int(account) - 1] = number
    }

    mutating func erase(_ account: UInt32) {
        guard let head = head(account) else { return }
        head.pointee = ItemHead(slot: .max)
        places[Int(account) - 1] = 0
    }

    func write(to out: inout ByteWriter) { heads.write(to: &out) }

    /// - Parameter account: of a slot, as `head` takes it; 0 where there is no such user.
    init(from input: inout ByteReader, account: (Int) -> UInt32) throws(StateError) {
        self.init()
        heads = try Slab<ItemHead>(from: &input)
        for index in 0..<heads.count where heads[index].pointee.slot != .max {
            let owner = account(Int(heads[index].pointee.slot))
            guard owner != 0, head(owner) == nil else { throw StateError("items of a user who is none") }
            place(owner, UInt32(index + 1))
        }
    }
}
