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
