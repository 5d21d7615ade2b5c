{{/* Labels of every object. */}}
{{- define "wasmlet.labels" -}}
app.kubernetes.io/name: wasmlet
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: wasmlet
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What selects the operator's pods; never changed, a Deployment's selector cannot be. */}}
{{- define "wasmlet.operatorSelector" -}}
app.kubernetes.io/name: wasmlet
app.kubernetes.io/component: operator
{{- end }}

{{/* The image, by its digest where one is given. */}}
{{- define "wasmlet.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The node runtimes' accounts, as the API server names them. */}}
{{- define "wasmlet.runtimeUserPrefix" -}}
system:serviceaccount:{{ .Release.Namespace }}:wasmlet-runtime-
{{- end }}

{{/* What the Restricted level of Pod Security Standards asks of a container. */}}
{{- define "wasmlet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "wasmlet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}
