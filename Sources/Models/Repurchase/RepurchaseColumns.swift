/// What the repurchase model is fitted on: the purchase days of each buyer, and what was bought on them.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct RepurchaseColumns {
    /// Day numbers of all buyers, one after another, each buyer's distinct and ascending.
    package var days: UnsafeBufferPointer<Int32>
    /// Purchases on each of the days; shape of `days`.
    package var purchases: UnsafeBufferPointer<UInt32>
    /// Money taken on each of the days; shape of `days`. That of a buyer's last day is not looked at.
    package var revenue: UnsafeBufferPointer<Double>
    /// Where each buyer's days begin in `days`, and after the last buyer its length; shape [buyers + 1].
    package var offsets: UnsafeBufferPointer<UInt32>
    /// Not 0 for buyers kept for judging; shape [buyers].
    package var heldOut: UnsafeBufferPointer<UInt8>
    /// The day the fit is made on: what runs then is still running.
    package var asOfDay: Int32

    package init(
        days: UnsafeBufferPointer<Int32>, purchases: UnsafeBufferPointer<UInt32>,
        revenue: UnsafeBufferPointer<Double>, offsets: UnsafeBufferPointer<UInt32>,
        heldOut: UnsafeBufferPointer<UInt8>, asOfDay: Int32
    ) {
        self.days = days
        self.purchases = purchases
        self.revenue = revenue
        self.offsets = offsets
        self.heldOut = heldOut
        self.asOfDay = asOfDay
    }

    package var buyers: Int { heldOut.count }

    func check() throws(FitRefusal) {
        guard offsets.count == buyers + 1, offsets[0] == 0, Int(offsets[buyers]) == days.count,
            purchases.count == days.count, revenue.count == days.count
        else { throw .unevenColumns }
        // What no 32-bit number holds is no money.
        if let row = revenue.firstIndex(where: { !(abs($0) < 1e30) }) {
            throw .notFinite(column: "revenue", row: row)
        }
        for buyer in 0..<buyers {
            let start = Int(offsets[buyer])
            let end = Int(offsets[buyer + 1])
            guard start < end, end <= days.count else { throw .daysOutOfOrder(buyer: buyer) }
            for index in start + 1..<max(end, start + 1) where days[index] <= days[index - 1] {
                throw .daysOutOfOrder(buyer: buyer)
            }
            guard days[end - 1] <= asOfDay else { throw .daysOutOfOrder(buyer: buyer) }
        }
    }
}

extension RepurchaseColumns {
    /// Where a buyer's days lie.
    func range(_ buyer: Int) -> Range<Int> { Int(offsets[buyer])..<Int(offsets[buyer + 1]) }

    /// The buyers in an order that depends on their histories alone: those learnt from first, then by days,
    /// purchases and money, so that who comes first in a log changes no sum.
    func ordered() -> [Int] {
        (0..<buyers).sorted { a, b in
            let (held, other) = (heldOut[a] != 0, heldOut[b] != 0)
            if held != other { return other }
            return precedes(range(a), range(b))
        }
    }

    private func precedes(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        if a.count != b.count { return a.count < b.count }
        for (i, j) in zip(a, b) {
            if days[i] != days[j] { return days[i] < days[j] }
            if purchases[i] != purchases[j] { return purchases[i] < purchases[j] }
            if revenue[i] != revenue[j] { return revenue[i] < revenue[j] }
        }
        return false
    }
}

/// One interval between two purchases of a buyer, or the one still running, with what was known before it.
struct RepurchaseInterval: Sendable {
    /// Days.
    var length: Double
    var ended: Bool
    /// The buyer's intervals before it: how many, and their sum in days.
    var count: Int
    var sum: Int
}
