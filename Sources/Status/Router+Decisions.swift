import Core

/// What was decided about a user's triggers, and of what they are held out.
extension Router {
    func decisions(_ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let user = try user(parameters)
        let decisions = await source.decisions(of: user)
        let abstaining = await source.abstaining(of: user)
        let counts = await source.decisionCounts()
        return HTTPResponse(
            json: jsonBytes { json in
                json.beginObject()
                json.key("decisions")
                json.beginArray()
                for decision in decisions {
                    json.beginObject()
                    json.key("at")
                    json.value(decision.at)
                    json.key("due")
                    json.value(decision.due)
                    json.key("rule")
                    json.value(decision.rule)
                    json.key("decision")
                    json.value(decision.decision)
                    json.endObject()
                }
                json.endArray()
                if !abstaining.isEmpty {
                    json.key("too_little_data")
                    json.beginArray()
                    for rule in abstaining { json.value(rule) }
                    json.endArray()
                }
                json.key("counts")
                json.beginObject()
                for count in counts {
                    json.key(count.name)
                    json.value(count.value)
                }
                json.endObject()
                json.endObject()
            })
    }

    func holdout(_ parameters: Parameters) async throws(Refusal) -> HTTPResponse {
        let user = try user(parameters)
        let rule = try parameters.text("rule")
        do throws(StatusFailure) {
            let view = try await source.holdout(user, rule: rule)
            return HTTPResponse(
                json: jsonBytes { json in
                    json.beginObject()
                    json.key("user")
                    json.value(utf8: view.user)
                    if let rule = view.rule {
                        json.key("rule")
                        json.value(rule)
                    }
                    json.key("group")
                    json.value(view.group)
                    json.key("control")
                    json.value(view.isControl)
                    json.endObject()
                })
        } catch {
            throw Refusal(error)
        }
    }

    private func user(_ parameters: Parameters) throws(Refusal) -> [UInt8] {
        guard let user = parameters.bytes("user"), !user.isEmpty else {
            throw .badParameter("user", "says whose, and is missing")
        }
        return user
    }
}
