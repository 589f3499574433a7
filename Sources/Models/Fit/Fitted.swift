/// A fitted model with what it was judged by.
package struct Fitted<Model: StoredModel>: Sendable, Equatable {
    package var model: Model
    package var evidence: Evidence
    package var metrics: [Tree.Member]
    package var baseline: [Tree.Member]
    package var parameters: [Tree.Member]

    var candidate: FitResult.Candidate {
        FitResult.Candidate(
            model: model.bytes, evidence: evidence, metrics: metrics, baseline: baseline,
            parameters: parameters)
    }
}

package typealias SegmentsFit = Fitted<SegmentsModel>
package typealias RepurchaseFit = Fitted<RepurchaseModel>
package typealias TiersFit = Fitted<TiersModel>
package typealias LifetimeValueFit = Fitted<LifetimeValueModel>
