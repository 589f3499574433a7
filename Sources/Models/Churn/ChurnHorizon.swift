extension ChurnModel {
    /// The days within which a share of those who buy again have done so: who has been silent for longer is,
    /// by the shop's own rhythm, gone.
    ///
    /// From all intervals between purchase days, the running ones as known only to last so long yet, among
    /// those whose end the history is long enough to show (see `SurvivalCurve`).
    /// - Parameter share: in (0, 1).
    /// - Throws: `tooFewIntervals` below thirty, and what is wrong with the columns.
    package static func horizonDays(
        _ columns: RepurchaseColumns, share: Double = 0.9
    ) throws(FitRefusal) -> Double {
        try columns.check()
        let intervals = RepurchaseHistory(columns) { _ in true }.intervals
        let curve = SurvivalCurve(
            intervals.map { SurvivalCurve.Span(length: $0.length, ended: $0.ended) })
        guard curve.ended >= fewestIntervals else {
            throw .tooFewIntervals(have: curve.ended, need: fewestIntervals)
        }
        return curve.quantiles([share])[0]
    }

    /// The same of columns that own their storage; see `RepurchaseColumns` for their shapes.
    package static func horizonDays(
        days: [Int32], purchases: [UInt32], revenue: [Double], offsets: [UInt32], heldOut: [UInt8],
        asOfDay: Int32
    ) throws(FitRefusal) -> Double {
        let answer = days.withUnsafeBufferPointer { days in
            purchases.withUnsafeBufferPointer { purchases in
                revenue.withUnsafeBufferPointer { revenue in
                    offsets.withUnsafeBufferPointer { offsets in
                        heldOut.withUnsafeBufferPointer { held in
                            Result { () throws(FitRefusal) in
                                try horizonDays(
                                    RepurchaseColumns(
                                        days: days, purchases: purchases, revenue: revenue,
                                        offsets: offsets, heldOut: held, asOfDay: asOfDay))
                            }
                        }
                    }
                }
            }
        }
        return try answer.get()
    }

    private static let fewestIntervals = 30
}
