import Core

/// Quantities of one thing by calendar day, millionths of a piece.
package struct DailyQuantity: Sendable, Equatable {
    /// Day of the first value, days since 1970-01-01; without meaning where there is none.
    package private(set) var first: Int32 = 0
    package private(set) var values: [Int64] = []

    package init() {}

    /// Days before today that are kept.
    package static let days: Int32 = 730

    /// Counts where the day is one that is kept; others are as if they had never been.
    mutating func add(_ quantity: Int64, on day: Int32, today: Int32) {
        guard day > today - DailyQuantity.days, day <= today else { return }
        // Not every day, so that a long log does not move its values at each midnight.
        if today - DailyQuantity.days - first >= 64 { drop(before: today - DailyQuantity.days + 1) }
        reach(day)
        let place = Int(day - first)
        values[place] = saturatingSum(values[place], quantity)
    }

    private mutating func drop(before day: Int32) {
        guard !values.isEmpty, first < day else { return }
        values.removeFirst(min(Int(day - first), values.count))
        first = day
    }

    /// Only what is kept when today is this day.
    func kept(_ today: Int32) -> DailyQuantity {
        var copy = self
        copy.drop(before: today - DailyQuantity.days + 1)
        return copy
    }

    private mutating func reach(_ day: Int32) {
        if values.isEmpty { first = day }
        if day < first {
            values.insert(contentsOf: [Int64](repeating: 0, count: Int(first - day)), at: 0)
            first = day
        }
        let short = Int(day - first) + 1 - values.count
        if short > 0 { values.append(contentsOf: [Int64](repeating: 0, count: short)) }
    }

    package mutating func add(_ other: DailyQuantity) {
        guard let last = other.last else { return }
        reach(other.first)
        reach(last)
        for (index, value) in other.values.enumerated() {
            let place = Int(other.first - first) + index
            values[place] = saturatingSum(values[place], value)
        }
    }

    /// Day of the last value; nil where there is none.
    package var last: Int32? { values.isEmpty ? nil : first + Int32(values.count) - 1 }

    /// Pieces of each day from the first with any, or from as far back as is kept, up to the day before today.
    package func pieces(before today: Int32) -> (first: Int32, pieces: [Double]) {
        let begin = max(first, today - DailyQuantity.days + 1)
        guard !values.isEmpty, begin < today else { return (today, []) }
        let pieces = (begin..<today).map { day -> Double in
            let place = Int(day - first)
            return place < values.count ? Double(values[place]) / 1e6 : 0
        }
        return (begin, pieces)
    }

    func write(to out: inout ByteWriter) {
        out.put(first)
        out.put(UInt64(values.count))
        for value in values { out.put(value) }
    }

    init(from input: inout ByteReader) throws(StateError) {
        first = try input.get()
        let count = try input.count(of: 8)
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try input.get()) }
        guard abs(Int(first)) < 1 << 24, count < 1 << 24 else { throw StateError("a day cannot be \(first)") }
    }
}

/// Quantities bought by day: of the shop and of each category, in one partition. Late purchases count on their own
/// day; refunds take nothing back; a purchase without items is one piece of no category. Of an erased user the
/// quantities stay, which name nobody.
///
/// Bytes: 8 for each day and category from its first purchase on, at most 730 + 64 days and 64 categories (0.4 MB a
/// partition); nothing for who does not buy.
struct QuantityRows: Equatable {
    /// Categories that are told apart.
    static let limit = 64

    private(set) var shop = DailyQuantity()
    /// Numbers of the partition's strings, in the order of first purchase; and their rows.
    private(set) var categories: [UInt32] = []
    private(set) var rows: [DailyQuantity] = []
    /// Lines of categories for which there was no room; they count for the shop alone.
    private(set) var crowdedOut: Int64 = 0

    init() {}

    var byteCount: Int { rows.reduce(shop.values.capacity * 8) { $0 + $1.values.capacity * 8 + 20 } }

    mutating func count(_ quantity: Int64, category: UInt32?, on day: Int32, today: Int32) {
        shop.add(quantity, on: day, today: today)
        guard let category else { return }
        if let place = categories.firstIndex(of: category) {
            rows[place].add(quantity, on: day, today: today)
        } else if categories.count < QuantityRows.limit {
            categories.append(category)
            rows.append(DailyQuantity())
            rows[rows.count - 1].add(quantity, on: day, today: today)
        } else {
            crowdedOut += 1
        }
    }

    func write(to out: inout ByteWriter) {
        shop.write(to: &out)
        out.put(UInt64(categories.count))
        for category in categories { out.put(category) }
        for row in rows { row.write(to: &out) }
        out.put(crowdedOut)
    }

    /// - Parameter strings: how many strings the partition knows.
    init(from input: inout ByteReader, strings: Int) throws(StateError) {
        shop = try DailyQuantity(from: &input)
        let count = try input.count(of: 4)
        for _ in 0..<count { categories.append(try input.get()) }
        for _ in 0..<count { rows.append(try DailyQuantity(from: &input)) }
        crowdedOut = try input.get()
        guard count <= QuantityRows.limit, categories.allSatisfy({ Int($0) < strings }) else {
            throw StateError("a category of the quantities has no name")
        }
    }
}

/// Quantities of some partitions together.
package struct QuantityTotals: Sendable, Equatable {
    package var shop = DailyQuantity()
    package var categories: [String: DailyQuantity] = [:]
    /// Whether some category found no room in some partition: categories may then lack some of what was bought.
    package var isCrowded = false

    package init() {}

    package mutating func add(_ other: QuantityTotals) {
        shop.add(other.shop)
        for (name, row) in other.categories { categories[name, default: DailyQuantity()].add(row) }
        isCrowded = isCrowded || other.isCrowded
    }
}

extension Partition {
    /// The lines of a purchase.
    func countQuantities(
        _ row: UnsafePointer<EventRow>, _ time: Int64, _ batch: borrowing BatchView
    ) {
        let day = day(of: time)
        let today = today
        let lines = Int(row.pointee.itemsCount)
        if lines == 0 { quantities.count(1_000_000, category: nil, on: day, today: today) }
        for index in 0..<lines {
            let item = batch.items[Int(row.pointee.itemsStart) + index]
            let category = item.category == EventRow.absent ? nil : intern(item.category, batch)
            quantities.count(item.quantity, category: category, on: day, today: today)
        }
    }

    func quantityTotals(today: Int32) -> QuantityTotals {
        var totals = QuantityTotals()
        totals.shop = quantities.shop.kept(today)
        for (category, row) in zip(quantities.categories, quantities.rows) {
            totals.categories[strings.string(category)] = row.kept(today)
        }
        totals.isCrowded = quantities.crowdedOut > 0
        return totals
    }
}

extension Shard {
    /// Of its partitions, in their order: of the days that are kept when today is this one.
    package func quantityTotals(today: Int32) -> QuantityTotals {
        var totals = QuantityTotals()
        forEachPartition { totals.add($0.quantityTotals(today: today)) }
        return totals
    }
}
