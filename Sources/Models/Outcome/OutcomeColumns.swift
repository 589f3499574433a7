/// What a model of an outcome (`churn`, `high_intent`) is fitted on: a row per anchor time of a user, the
/// features as they were known then, and what came of it once the horizon had passed.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct OutcomeColumns {
    /// Of the features, in the order of the columns; no two alike.
    package var names: [String]
    /// Shape [d][n], finite.
    package var features: [UnsafeBufferPointer<Float>]
    /// Per feature how far the newest information any of its values was made from lies after the anchor of its
    /// row, microseconds; ≤ 0 where nothing was known too early. Shape [d].
    package var lead: [Int64]
    /// When the features were as they are, microseconds of event time; shape [n].
    package var anchor: UnsafeBufferPointer<Int64>
    /// 1 where the outcome came within the horizon after the anchor, 0 where it did not; shape [n].
    package var label: UnsafeBufferPointer<UInt8>
    /// Not 0 for users kept for judging: by a hash of the user. Shape [n].
    package var heldOut: UnsafeBufferPointer<UInt8>

    package init(
        names: [String], features: [UnsafeBufferPointer<Float>], lead: [Int64],
        anchor: UnsafeBufferPointer<Int64>, label: UnsafeBufferPointer<UInt8>,
        heldOut: UnsafeBufferPointer<UInt8>
    ) {
        self.names = names
        self.features = features
        self.lead = lead
        self.anchor = anchor
        self.label = label
        self.heldOut = heldOut
    }

    package var rows: Int { label.count }
}

extension OutcomeColumns {
    func check() throws(FitRefusal) {
        guard !names.isEmpty else { throw .noFeatures }
        guard features.count == names.count, lead.count == names.count, Set(names).count == names.count,
            features.allSatisfy({ $0.count == rows }), anchor.count == rows, heldOut.count == rows
        else { throw .unevenColumns }
        for (name, ahead) in zip(names, lead) where rows > 0 && ahead > 0 {
            throw .knownTooEarly(column: name, microseconds: ahead)
        }
        for (column, name) in zip(features, names) {
            if let row = column.firstIndex(where: { !(abs($0) <= OutcomeColumns.greatest) }) {
                throw .notFinite(column: name, row: row)
            }
        }
        if let row = label.firstIndex(where: { $0 > 1 }) { throw .impossibleLabel(row: row) }
        if let row = anchor.firstIndex(where: { abs($0) > OutcomeColumns.latest }) {
            throw .notFinite(column: "anchor", row: row)
        }
    }

    /// Greatest magnitude taken as a number: its square is still one in 64 bits.
    static let greatest: Float = 1e30
    /// Microseconds from 1970, far beyond any event, so that a horizon can be added.
    private static let latest: Int64 = 1 << 60
}
