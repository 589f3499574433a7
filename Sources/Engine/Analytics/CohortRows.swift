import Core

/// What the buyers of one cohort did in one month.
package struct CohortCell: BitwiseCopyable, Sendable, Equatable {
    /// Who bought in that month.
    package var buyers: Int64 = 0
    package var purchases: Int64 = 0
    /// Millionths.
    package var revenue: Int128 = 0

    package init() {}

    package mutating func add(_ other: CohortCell) {
        buyers += other.buyers
        purchases += other.purchases
        revenue += other.revenue
    }
}

/// Buyers by the month of their first purchase and the month of each purchase.
struct CohortRows: ~Copyable {
    private var rows = KeyedRows(
        CohortCell(), limit: AnalyticsLimits.cohortMonths * AnalyticsLimits.cohortMonths)

    var byteCount: Int { rows.byteCount }
    var count: Int { rows.count }

    /// - Parameter now: the present month; months too long before it are let go when room is needed.
    mutating func add(cohort: Int, month: Int, _ cell: CohortCell, sign: Int64, now: Int) {
        let key = UInt64(UInt32(truncatingIfNeeded: cohort)) << 32 | UInt64(UInt32(truncatingIfNeeded: month))
        if rows.find(key) == nil {
            // What was let go is not taken back out.
            if sign < 0 || month <= now - AnalyticsLimits.cohortMonths { return }
        }
        var row = rows.row(key)
        if row == nil {
            rows.removeAll { Self.month($0) <= now - AnalyticsLimits.cohortMonths }
            row = rows.row(key)
        }
        guard let row else { return }
        row.pointee.buyers += sign * cell.buyers
        row.pointee.purchases += sign * cell.purchases
        row.pointee.revenue += Int128(sign) * cell.revenue
    }

    private static func month(_ key: UInt64) -> Int { Int(Int32(truncatingIfNeeded: key)) }

    subscript(row: Int) -> (cohort: Int, month: Int, cell: CohortCell) {
        let key = rows.key(row)
        return (Int(Int32(truncatingIfNeeded: key >> 32)), Self.month(key), rows.cell(row))
    }

    func write(to out: inout ByteWriter) { rows.write(to: &out) }
    mutating func read(from input: inout ByteReader) throws(StateError) { try rows.read(from: &input) }
}
