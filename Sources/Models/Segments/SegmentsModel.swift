/// A segmentation in use: where the centroids are, how far is too far, and what the groups are called.
package struct SegmentsModel: StoredModel {
    package static let name = "segments"

    /// Id of the group of those set apart; no cluster ever gets it.
    package static let outlierID: UInt16 = 255
    package static let outlierName = "outlier"

    /// One group of users.
    package struct Segment: Sendable, Equatable {
        /// Stays with the group across refits.
        package var id: UInt16
        package var name: String
        /// Users it had when fitted.
        package var users: UInt64
        /// In standardised units.
        package var centroid: [Double]
    }

    package let features: [String]
    /// Which features are counts, held against the bound on each event.
    package let counted: [Bool]
    package let mean: [Double]
    /// Population deviation over the users that are no outliers.
    package let scale: [Double]
    /// Per feature the greatest value that is not far outside; infinite where there is no bound.
    package let outlierUpper: [Double]
    /// Clusters, ascending by id; the outliers' group is not among them.
    package let segments: [Segment]
    /// Users set apart when fitted.
    package let outliers: UInt64
    /// Sum of squared distances to the centroids, standardised units, over everybody who is no outlier.
    package let inertia: Double
    /// The next id for a group that matches none so far.
    package let nextID: UInt16

    // For scoring: contiguous, and nothing to divide by.
    private let inverse: [Double]
    private let centroids: [Double]

    init(
        features: [String], counted: [Bool], standardisation: Standardisation, outlierUpper: [Double],
        segments: [Segment], outliers: UInt64, inertia: Double, nextID: UInt16
    ) {
        self.features = features
        self.counted = counted
        mean = standardisation.mean
        scale = standardisation.scale
        self.outlierUpper = outlierUpper
        self.segments = segments
        self.outliers = outliers
        self.inertia = inertia
        self.nextID = nextID
        inverse = scale.map { 1 / $0 }
        centroids = segments.flatMap(\.centroid)
    }

    var standardisation: Standardisation { Standardisation(mean: mean, scale: scale) }

    /// The group of a user.
    ///
    /// - Parameter values: the features in the model's order and raw units, shape [d], finite.
    /// - Complexity: O(k·d), no allocation.
    package func assign(features values: UnsafePointer<Double>) -> UInt16 {
        if isOutlier(features: values) { return SegmentsModel.outlierID }
        var best = Double.infinity
        var nearest = 0
        let width = mean.count
        for cluster in 0..<segments.count {
            var distance = 0.0
            for feature in 0..<width {
                let difference =
                    (values[feature] - mean[feature]) * inverse[feature]
                    - centroids[cluster * width + feature]
                distance += difference * difference
            }
            if distance < best {
                best = distance
                nearest = cluster
            }
        }
        return segments[nearest].id
    }

    /// Whether a user is beyond the bound of any feature.
    package func isOutlier(features values: UnsafePointer<Double>) -> Bool {
        for feature in 0..<outlierUpper.count where values[feature] > outlierUpper[feature] { return true }
        return false
    }

    /// What a group is called; nil for an id that this model does not have. The outliers' group always has
    /// its name.
    package func name(of id: UInt16) -> String? {
        if id == SegmentsModel.outlierID { return SegmentsModel.outlierName }
        return segments.first { $0.id == id }?.name
    }
}
