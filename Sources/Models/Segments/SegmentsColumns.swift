/// What a segmentation is fitted on: one array per feature, a row per user.
///
/// The arrays belong to the caller and are only read; they must outlive the call.
package struct SegmentsColumns {
    /// Shape [d][n], finite.
    package var features: [UnsafeBufferPointer<Double>]
    /// Days since the last event of any kind, finite, ≥ 0.
    package var daysSinceLastEvent: UnsafeBufferPointer<Double>
    /// Days since the last purchase; NaN for who never bought.
    package var daysSinceLastPurchase: UnsafeBufferPointer<Double>
    /// Gross revenue, finite.
    package var revenue: UnsafeBufferPointer<Double>
    /// Days since the first event, finite, ≥ 0.
    package var daysSinceFirstEvent: UnsafeBufferPointer<Double>
    /// Not 0 for users kept for judging: by a hash of the user, so that it does not depend on the order.
    package var heldOut: UnsafeBufferPointer<UInt8>

    package init(
        features: [UnsafeBufferPointer<Double>], daysSinceLastEvent: UnsafeBufferPointer<Double>,
        daysSinceLastPurchase: UnsafeBufferPointer<Double>, revenue: UnsafeBufferPointer<Double>,
        daysSinceFirstEvent: UnsafeBufferPointer<Double>, heldOut: UnsafeBufferPointer<UInt8>
    ) {
        self.features = features
        self.daysSinceLastEvent = daysSinceLastEvent
        self.daysSinceLastPurchase = daysSinceLastPurchase
        self.revenue = revenue
        self.daysSinceFirstEvent = daysSinceFirstEvent
        self.heldOut = heldOut
    }

    package var users: Int { heldOut.count }

    /// Greatest magnitude taken as a number: beyond it squares and their sums would not be finite.
    package static let greatest = 1e100

    func check(_ names: [String]) throws(FitRefusal) {
        guard !features.isEmpty else { throw .noFeatures }
        let finite = features + [daysSinceLastEvent, revenue, daysSinceFirstEvent]
        let labels = names + ["days since last event", "revenue", "days since first event"]
        guard finite.count == labels.count, daysSinceLastPurchase.count == users,
            finite.allSatisfy({ $0.count == users })
        else { throw .unevenColumns }
        for (column, name) in zip(finite, labels) {
            if let row = column.firstIndex(where: { !(abs($0) <= SegmentsColumns.greatest) }) {
                throw .notFinite(column: name, row: row)
            }
        }
        if let row = daysSinceLastPurchase.firstIndex(where: { abs($0) > SegmentsColumns.greatest }) {
            throw .notFinite(column: "days since last purchase", row: row)
        }
    }
}

/// How a segmentation is made.
package struct SegmentsConfig: Sendable, Equatable {
    package struct Feature: Sendable, Equatable {
        package var name: String
        /// A number of events, and so held against the outlier bound on each event; sums of seconds are not.
        package var counted: Bool
        package init(_ name: String, counted: Bool) {
            self.name = name
            self.counted = counted
        }
    }

    /// After what the groups are named.
    package enum Naming: UInt8, Sendable {
        /// What users do and spend: `vip`, `loyal`, `newcomer`, `dormant`, `at_risk` (see `SegmentNames`).
        case activity = 0
        /// The same for buyers alone: silence and age are those of their purchases.
        case value = 1
        /// How buyers pay: `star`, `supporter`, `value` (see `PaymentNames`).
        case payments = 2
    }

    package var features: [Feature]
    package var transform = SegmentTransform.standard
    package var naming = Naming.activity
    /// Named groups, the outliers' included where there are any; 0: chosen.
    package var k = 6
    package var restarts = 20
    package var iterations = 300
    /// Robust distance beyond which a user is set apart; 0: nobody is.
    package var outlierDistance = 60.0
    /// Fewest users, outliers not counted.
    package var minimumUsers = 50
    /// Numbers of clusters, from 1, whose inertia and silhouette are reported; 0: none, unless k is chosen.
    package var curve = 10
    /// Distinct rows beyond which starts are made on a coreset of this many.
    package var sampleSize = 16_384
    /// Users among whom silhouettes are measured.
    package var silhouetteSample = 2_500

    package init(features: [Feature]) { self.features = features }

    package var names: [String] { features.map(\.name) }
}
