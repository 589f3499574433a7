/// What the status port shows of a segmentation.
extension SegmentsFitting {
    func parameters(
        _ model: SegmentsModel, curve: Curve, asked: Int, groupOfRow: [UInt16]
    ) -> [Tree.Member] {
        var parameters: [Tree.Member] = [
            .init("k", .int(Int64(model.segments.count))),
            .init("inertia", .finite(model.inertia)),
            .init("features", .array(model.features.map { .string($0) })),
            .init("transform", .string(model.transform.text)),
            .init("mean", .numbers(model.mean)),
            .init("scale", .numbers(model.scale)),
            .init("centroids", .array(model.segments.map { .numbers($0.centroid) })),
            .init("inertia_by_k", byNumber(curve.partitions.map { $0.inertia })),
            .init("silhouette_by_k", byNumber(curve.silhouettes)),
            .init("outlier_upper", .numbers(model.outlierUpper)),
            .init("outliers", .int(Int64(model.outliers))),
            .init("ids", .array(model.segments.map { .int(Int64($0.id)) })),
            .init("names", .array(model.segments.map { .string($0.name) })),
            .init("users", .array(model.segments.map { .int(Int64($0.users)) })),
        ]
        if model.segments.contains(where: { $0.target != nil }) {
            parameters.append(
                .init("targets", .array(model.segments.map { $0.target.map { .int(Int64($0)) } ?? .null })))
        }
        if let moves = moves(after: groupOfRow) { parameters.append(.init("moves", moves)) }
        if model.segments.count < asked {
            parameters.append(
                .init(
                    "note",
                    .string(
                        "\(asked) clusters were asked for; there are only \(model.segments.count) "
                            + "distinct kinds of users")))
        }
        return parameters
    }

    private func byNumber(_ values: [Double?]) -> Tree {
        .object(
            values.enumerated().compactMap { index, value in
                value.map { .init(String(index + 1), .finite($0)) }
            })
    }
}
