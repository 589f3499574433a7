/// A segmentation in use: where the centroids are, how far is too far, and what the groups are called.
package struct SegmentsModel: StoredModel {
    package static let name = "segments"

    /// Id of the group of those set apart; no cluster ever gets it.
    package static let outlierID: UInt16 = 255
    /// Clusters' ids are below it.
    package static let idLimit: UInt16 = 254
    package static let outlierName = "outlier"

    /// One group of users.
    package struct Segment: Sendable, Equatable {
        /// Stays with the group across refits.
        package var id: UInt16
        package var name: String
        /// Users it had when fitted.
        package var users: UInt64
        /// In transformed units.
        package var centroid: [Double]
        /// The group its members should come to, by id; its own where they should stay, nil where there is
        /// no such aim.
        package var target: UInt16?

        package init(
            id: UInt16, name: String, users: UInt64, centroid: [Double], target: UInt16? = nil
        ) {
            self.id = id
            self.name = name
            self.users = users
            self.centroid = centroid
            self.target = target
        }
    }

    package let features: [String]
    /// Which features are counts, held against the bound on each event.
    package let counted: [Bool]
    package let transform: SegmentTransform
    /// Of the features, after the logarithm where the transform takes it; 0 where it does not standardise.
    package let mean: [Double]
    /// Population deviation over the users that are no outliers; 1 where the transform does not standardise.
    package let scale: [Double]
    /// Per feature the greatest value that is not far outside; infinite where there is no bound.
    package let outlierUpper: [Double]
    /// Clusters, ascending by id; the outliers' group is not among them.
    package let segments: [Segment]
    /// Users set apart when fitted.
    package let outliers: UInt64
    /// Sum of squared distances to the centroids, transformed units, over everybody who is no outlier.
    package let inertia: Double
    /// The next id for a group that matches none so far.
    package let nextID: UInt16

    // For scoring: contiguous, and nothing to divide by.
    private let inverse: [Double]
    private let centroids: [Double]

    init(
        features: [String], counted: [Bool], transform: SegmentTransform = .standard,
        standardisation: Standardisation, outlierUpper: [Double], segments: [Segment], outliers: UInt64,
        inertia: Double, nextID: UInt16
    ) {
        self.features = features
        self.counted = counted
        self.transform = transform
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
        for cluster in 0..<segments.count {
            let distance = squaredDistance(values, cluster: cluster)
            if distance < best {
                best = distance
                nearest = cluster
            }
        }
        return segments[nearest].id
    }

    /// Distance of a user to the centroid of a group, transformed units; nil where there is no such group, as
    /// with the outliers'.
    ///
    /// - Parameter values: as for `assign`.
    package func distance(features values: UnsafePointer<Double>, to id: UInt16) -> Double? {
        segments.firstIndex { $0.id == id }.map { squaredDistance(values, cluster: $0).squareRoot() }
    }

    @inline(__always)
    private func squaredDistance(_ values: UnsafePointer<Double>, cluster: Int) -> Double {
        let width = mean.count
        let takesLogarithm = transform.takesLogarithm
        var distance = 0.0
        for feature in 0..<width {
            let value =
                takesLogarithm ? SegmentTransform.logarithm(values[feature]) : values[feature]
            let difference =
                (value - mean[feature]) * inverse[feature] - centroids[cluster * width + feature]
            distance += difference * difference
        }
        return distance
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
