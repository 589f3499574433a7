extension SegmentsModel {
    /// Fits a segmentation: outliers set apart, the rest standardised and clustered; judged by a fit without
    /// the held-out users, then fitted on everybody.
    ///
    /// The result depends on the rows, the configuration, the seed and the model before, not on the order
    /// of the rows.
    /// - Parameter previous: the model in use, whose groups' ids and names are kept where the new groups
    ///   match them; ignored, but for its ids, where its features are others.
    /// - Complexity: O(n·d + restarts · sample · k · iterations + distinct rows · k · iterations).
    package static func fit(
        _ columns: SegmentsColumns, config: SegmentsConfig, seed: UInt64, previous: SegmentsModel?
    ) throws(FitRefusal) -> SegmentsFit {
        var fitting = try SegmentsFitting(columns, config: config, seed: seed, previous: previous)
        return try fitting.run()
    }
}

/// One fit under way.
struct SegmentsFitting {
    let columns: SegmentsColumns
    let config: SegmentsConfig
    let previous: SegmentsModel?
    let upper: [Double]
    /// After the logarithm where there is one.
    let rows: DistinctRows
    /// Per distinct row the users that are clustered: 0 for outliers.
    let inside: [UInt32]
    /// Per distinct row the group that the model in use puts it into; empty where there is none.
    let before: [UInt16]
    let outliers: UInt64
    let insideUsers: Int
    var generator: SeededGenerator
    var kmeans = KMeans()

    init(
        _ columns: SegmentsColumns, config: SegmentsConfig, seed: UInt64, previous: SegmentsModel?
    ) throws(FitRefusal) {
        try columns.check(config.names)
        self.columns = columns
        self.config = config
        let comparable = previous.flatMap {
            $0.features == config.names && $0.transform == config.transform ? $0 : nil
        }
        self.previous = comparable
        let upper = OutlierBound.upper(
            columns: columns.features, counted: config.features.map(\.counted),
            distance: config.outlierDistance)
        var rows = DistinctRows(columns: columns.features, held: columns.heldOut)
        let bounds = grouped(upper, padding: .infinity)
        var inside = rows.users
        var outliers: UInt64 = 0
        for row in 0..<rows.count {
            for chunk in 0..<rows.chunks where any(rows.values[row * rows.chunks + chunk] .> bounds[chunk]) {
                outliers += UInt64(inside[row])
                inside[row] = 0
            }
        }
        self.upper = upper
        before = previous.map { $0.features == config.names ? rows.groups(in: $0) : [] } ?? []
        rows.apply(config.transform)
        self.rows = rows
        self.inside = inside
        self.outliers = outliers
        insideUsers = columns.users - Int(outliers)
        nextID = previous?.nextID ?? 0
        generator = SeededGenerator(seed: seed)
        kmeans.restarts = config.restarts
        kmeans.iterations = config.iterations
        kmeans.sampleSize = config.sampleSize
        guard insideUsers >= max(2, config.minimumUsers) else {
            throw .tooFewUsers(have: insideUsers, need: max(2, config.minimumUsers))
        }
    }

    /// First id that no group of the models before has had.
    let nextID: UInt16

    mutating func run() throws(FitRefusal) -> SegmentsFit {
        let measured = Standardisation(rows, weights: inside, features: config.features.count)
        let standardisation = config.transform.standardises ? measured : .none(features: measured.mean.count)
        if !config.transform.standardises { kmeans.meanVariance = measured.meanVariance }
        let points = standardisation.points(rows, weights: inside)
        let curve = curve(points)
        let k = config.k > 0 ? max(1, config.k - (outliers > 0 ? 1 : 0)) : curve.chosen
        let judgement = try judge(k: k)
        let known = comparable(to: k, in: standardisation)
        var partition = kmeans.fit(
            points, k: k, beginnings: known.map { [$0] } ?? [], generator: &generator)
        if curve.partitions.indices.contains(k - 1), curve.partitions[k - 1].inertia < partition.inertia {
            partition = curve.partitions[k - 1]
        }
        let named = name(
            partition, points: points, standardisation: standardisation, measured: measured)
        let model = SegmentsModel(
            features: config.names, counted: config.features.map(\.counted), transform: config.transform,
            standardisation: standardisation, outlierUpper: upper, segments: named.segments,
            outliers: outliers, inertia: partition.inertia, nextID: named.nextID)
        return SegmentsFit(
            model: model, evidence: judgement.evidence(final: model, converged: partition.converged),
            metrics: judgement.metrics, baseline: judgement.baseline,
            parameters: parameters(model, curve: curve, asked: k, groupOfRow: named.groupOfRow))
    }

    struct Curve {
        var partitions: [Partition] = []
        var silhouettes: [Double?] = []
        var chosen = 1
    }

    /// Inertia and silhouette for 1, 2, … clusters, and the number they suggest.
    private mutating func curve(_ points: WeightedPoints) -> Curve {
        let most = min(config.k > 0 ? config.curve : max(3, config.curve), points.count)
        guard most > 0 else { return Curve() }
        var curve = Curve()
        for k in 1...most {
            let beginnings = curve.partitions.last.map {
                kmeans.enlarged($0, points, generator: &generator)
            }
            curve.partitions.append(
                kmeans.fit(points, k: k, beginnings: beginnings ?? [], generator: &generator))
        }
        curve.silhouettes = Silhouette.means(
            points, labels: curve.partitions.map(\.labels), limit: config.silhouetteSample,
            generator: &generator)
        curve.chosen = Elbow.choose(
            inertia: curve.partitions.map(\.inertia), silhouette: curve.silhouettes)
        return curve
    }

    /// The earlier centroids in new units, where there are as many.
    func comparable(to k: Int, in standardisation: Standardisation) -> [SIMD4<Double>]? {
        guard let previous, previous.segments.count == min(k, rows.count) else { return nil }
        return previous.segments.flatMap { segment in
            grouped(
                standardisation.translate(segment.centroid, from: previous.standardisation), padding: 0)
        }
    }
}
