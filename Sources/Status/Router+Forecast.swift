import Core

extension Router {
    func forecast(_ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let horizon = try parameters.number(
            "horizon", in: ForecastQuestion.horizons, default: ForecastQuestion.defaultHorizon)
        let question = ForecastQuestion(
            user: parameters.bytes("user"), item: try parameters.text("item"),
            category: try parameters.text("category"), horizon: Int(horizon))
        if question.item != nil, question.user == nil {
            throw .badParameter("item", "is of a user: give user too")
        }
        if question.item != nil, question.category != nil {
            throw .badParameter("category", "cannot be given together with item")
        }
        do throws(StatusFailure) {
            let answer = try await source.forecast(question)
            return HTTPResponse(json: jsonBytes { $0.value(answer) })
        } catch {
            throw Refusal(error)
        }
    }
}
