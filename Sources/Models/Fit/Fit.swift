/// The one thing the fitting child does: takes the bytes of a `FitRequest`, gives those of a `FitResult`.
///
/// - Parameter request: beginning at a multiple of 8; only read. Any bytes at all are answered.
package func fit(request: UnsafeRawBufferPointer) -> [UInt8] {
    do throws(FitRefusal) {
        return FitResult.fitted(try fitted(FitRequest(request))).bytes
    } catch {
        return FitResult.refused(error.reason).bytes
    }
}

private func fitted(_ request: FitRequest) throws(FitRefusal) -> FitResult.Candidate {
    switch request {
    case .segments(let columns, let config, let seed, let previous):
        let fit = try SegmentsModel.fit(columns, config: config, seed: seed, previous: previous)
        return FitResult.Candidate(
            model: fit.model.bytes, evidence: fit.evidence, metrics: fit.metrics, baseline: fit.baseline,
            parameters: fit.parameters)
    case .repurchase(let columns, let config, let previous):
        let fit = try RepurchaseModel.fit(columns, config: config, previous: previous)
        return FitResult.Candidate(
            model: fit.model.bytes, evidence: fit.evidence, metrics: fit.metrics, baseline: fit.baseline,
            parameters: fit.parameters)
    case .tiers(let columns, let config, let previous):
        let fit = try TiersModel.fit(columns, config: config, previous: previous)
        return FitResult.Candidate(
            model: fit.model.bytes, evidence: fit.evidence, metrics: fit.metrics, baseline: fit.baseline,
            parameters: fit.parameters)
    }
}
