/// What the repurchase model is fitted on: the purchase days of each buyer.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct RepurchaseColumns {
    /// Day numbers of all buyers, one after another, each buyer's distinct and ascending.
    package var days: UnsafeBufferPointer<Int32>
    /// Where each buyer's days begin in `days`, and after the last buyer its length; shape [buyers + 1].
    package var offsets: UnsafeBufferPointer<UInt32>
    /// Not 0 for buyers kept for judging; shape [buyers].
    package var heldOut: UnsafeBufferPointer<UInt8>
    /// The day the fit is made on: what runs then is still running.
    package var asOfDay: Int32

    package init(
        days: UnsafeBufferPointer<Int32>, offsets: UnsafeBufferPointer<UInt32>,
        heldOut: UnsafeBufferPointer<UInt8>, asOfDay: Int32
    ) {
        self.days = days
        self.offsets = offsets
        self.heldOut = heldOut
        self.asOfDay = asOfDay
    }

    package var buyers: Int { heldOut.count }

    func check() throws(FitRefusal) {
        guard offsets.count == buyers + 1, offsets[0] == 0, Int(offsets[buyers]) == days.count else {
            throw .unevenColumns
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

/// One interval between two purchases of a buyer, or the one still running, with what was known before it.
struct RepurchaseInterval: Sendable {
    /// Days.
    var length: Double
    var ended: Bool
    /// The buyer's intervals before it: how many, and their sum in days.
    var count: Int
    var sum: Int
}
