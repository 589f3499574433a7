/// Which of the new clusters continues which group, and what the others are called.
extension SegmentsFitting {
    struct Named {
        /// Ascending by id.
        var segments: [SegmentsModel.Segment]
        var nextID: UInt16
        /// Per distinct row its group's id.
        var groupOfRow: [UInt16]
    }

    /// - Parameter measured: mean and deviation of the features whatever the transform, by which the groups
    ///   are compared.
    func name(
        _ partition: Partition, points: WeightedPoints, standardisation: Standardisation,
        measured: Standardisation
    ) -> Named {
        let clusters = Clusters(partition, points: points)
        let matched = match(clusters.centroids, standardisation: standardisation)
        let clusterOfRow = clusterOfRow(clusters.labels)
        let profiles = SegmentProfile.profiles(
            columns, clusterOf: { Int(clusterOfRow[Int(rows.rowOf[$0])]) },
            centroids: clusters.centroids.map { measured.translate($0, from: standardisation) },
            active: config.naming.activity(config.features), silentByPurchase: config.naming == .value)
        let kept = matched.map { $0?.name }
        let names =
            config.naming == .payments
            ? PaymentNames.assign(profiles, features: config.names, kept: kept)
            : SegmentNames.assign(profiles, features: config.names, kept: kept)
        var next = nextID
        var inUse = Set(matched.compactMap { $0?.id })
        inUse.insert(SegmentsModel.outlierID)
        var segments: [SegmentsModel.Segment] = []
        var ids: [UInt16] = []
        for index in profiles.indices {
            let id = matched[index]?.id ?? SegmentsFitting.takeID(&next, inUse)
            ids.append(id)
            segments.append(
                SegmentsModel.Segment(
                    id: id, name: names[index], users: profiles[index].users,
                    centroid: clusters.centroids[index]))
        }
        segments.sort { $0.id < $1.id }
        if config.naming == .payments { PaymentNames.setTargets(&segments) }
        let groups = clusterOfRow.map { $0 < 0 ? SegmentsModel.outlierID : ids[Int($0)] }
        return Named(segments: segments, nextID: next, groupOfRow: groups)
    }

    /// The next free id below the outliers', beginning again at 0 and stepping over those in use.
    private static func takeID(_ next: inout UInt16, _ inUse: Set<UInt16>) -> UInt16 {
        while next >= SegmentsModel.idLimit || inUse.contains(next) {
            next = next >= SegmentsModel.idLimit ? 0 : next + 1
        }
        defer { next += 1 }
        return next
    }

    /// The earlier group that each cluster continues: the assignment with the least sum of distances.
    private func match(
        _ centroids: [[Double]], standardisation: Standardisation
    ) -> [SegmentsModel.Segment?] {
        guard let previous else { return centroids.map { _ in nil } }
        let earlier = previous.segments.map {
            standardisation.translate($0.centroid, from: previous.standardisation)
        }
        let cost = centroids.map { centroid in
            earlier.map { other in
                zip(centroid, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            }
        }
        return optimalAssignment(cost: cost).map { $0.map { previous.segments[$0] } }
    }

    /// Per distinct row the cluster, −1 for one set apart.
    private func clusterOfRow(_ labels: [Int32]) -> [Int32] {
        var byRow = [Int32](repeating: -1, count: rows.count)
        var point = 0
        for row in 0..<rows.count where inside[row] > 0 {
            byRow[row] = labels[point]
            point += 1
        }
        return byRow
    }

    /// The clusters that have members, in canonical order: most users first, then by centroid.
    struct Clusters {
        var centroids: [[Double]]
        var labels: [Int32]

        init(_ partition: Partition, points: WeightedPoints) {
            let chunks = points.chunks
            let k = partition.clusters(chunks: chunks)
            var weights = [Double](repeating: 0, count: k)
            for (label, weight) in zip(partition.labels, points.weights) { weights[Int(label)] += weight }
            let all = (0..<k).map { cluster in
                (0..<points.dimensions).map {
                    partition.centroids[cluster * chunks + $0 / 4][$0 % 4]
                }
            }
            let order = (0..<k).filter { weights[$0] > 0 }.sorted { a, b in
                weights[a] != weights[b]
                    ? weights[a] > weights[b] : all[a].lexicographicallyPrecedes(all[b])
            }
            var place = [Int32](repeating: 0, count: k)
            for (position, cluster) in order.enumerated() { place[cluster] = Int32(position) }
            centroids = order.map { all[$0] }
            labels = partition.labels.map { place[Int($0)] }
        }
    }
}
